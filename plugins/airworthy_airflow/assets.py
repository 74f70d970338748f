"""The assets that connect the DAGs and show the lineage in the UI."""

from __future__ import annotations

from airflow.sdk import Asset


def features(pipeline: str) -> Asset:
    """A validated, published version of the feature table."""
    return Asset(name=f"{pipeline}.features", uri=f"airworthy://{pipeline}/features", group="features")


def online(pipeline: str) -> Asset:
    """The online feature store, brought up to a published version."""
    return Asset(name=f"{pipeline}.online", uri=f"airworthy://{pipeline}/online", group="features")


def retrain_request(pipeline: str) -> Asset:
    """A request to train: an event on it starts the train DAG."""
    return Asset(name=f"{pipeline}.retrain", uri=f"airworthy://{pipeline}/retrain", group="requests")


def candidate(pipeline: str) -> Asset:
    """A registered candidate."""
    return Asset(name=f"{pipeline}.candidate", uri=f"airworthy://{pipeline}/candidate", group="models")


def champion(pipeline: str) -> Asset:
    """The model that serves."""
    return Asset(name=f"{pipeline}.champion", uri=f"airworthy://{pipeline}/champion", group="models")
