"""The train DAG's hands: each task of `<pipeline>.train`, with this deployment's addresses."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airworthy_airflow import connections

if TYPE_CHECKING:
    from airworthy.registry import Registry

    from airworthy.spec import PipelineSpec

log = logging.getLogger(__name__)


def registry() -> Registry:
    """The model registry of this deployment."""
    from airworthy.registry import Registry

    return Registry(connections.settings().mlflow_url)


def snapshot(spec: PipelineSpec) -> dict[str, Any]:
    """Pin the published version of the feature table."""
    from airworthy import publish
    from airworthy_airflow.data import lake

    published = publish.latest(lake(), spec)
    log.info("training on features v%s, published %s", published.version, published.at)
    return {"version": published.version, "raw_versions": published.raw_versions}


def gates(spec: PipelineSpec, train_run: str) -> dict[str, Any]:
    """Read the gates of this run's evaluation; a missed gate fails the task for good."""
    raise NotImplementedError


def register(spec: PipelineSpec, dag_run: Any, params: dict[str, Any]) -> int:
    """Register this run's model once and return its version."""
    raise NotImplementedError
