"""The assets that connect the DAGs and show the lineage in the UI."""

from __future__ import annotations

from airflow.sdk import Asset


def features(pipeline: str) -> Asset:
    """A validated, published version of the feature table."""
    return Asset(f"airworthy://{pipeline}/features", name=f"{pipeline}.features", group="features")


def online(pipeline: str) -> Asset:
    """The online feature store, brought up to a published version."""
    return Asset(f"airworthy://{pipeline}/online", name=f"{pipeline}.online", group="features")


def retrain_request(pipeline: str) -> Asset:
    """A request to train: an event on it starts the train DAG."""
    return Asset(f"airworthy://{pipeline}/retrain", name=f"{pipeline}.retrain", group="requests")


def candidate(pipeline: str) -> Asset:
    """A registered candidate."""
    return Asset(f"airworthy://{pipeline}/candidate", name=f"{pipeline}.candidate", group="models")


def champion(pipeline: str) -> Asset:
    """The model that serves."""
    return Asset(f"airworthy://{pipeline}/champion", name=f"{pipeline}.champion", group="models")
