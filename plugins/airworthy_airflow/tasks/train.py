"""The train DAG's tasks, with this deployment's addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airworthy_airflow import connections

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec


def snapshot(spec: PipelineSpec) -> dict[str, Any]:
    """Pin the published version of the feature table."""
    from airworthy.steps import train

    return train.snapshot(spec, connections.settings())


def gates(spec: PipelineSpec, train_run: str) -> dict[str, float | None]:
    """Judge this run's evaluation; a missed gate fails the task for good."""
    from airworthy.steps import train

    return train.gates(spec, connections.settings(), train_run)


def register(spec: PipelineSpec, dag_run: Any, params: dict[str, Any]) -> int:
    """Register this run's model once and return its version; the version says who asked for it, and why."""
    from airworthy.registry import tags as names
    from airworthy.steps import train

    tags = {
        names.TRIGGERED_BY: dag_run.triggering_user_name or "",
        names.REASON: str(params.get("reason", "")),
        names.RUN_TYPE: str(getattr(dag_run.run_type, "value", dag_run.run_type)),
    }
    return train.register(spec, connections.settings(), dag_run.run_id, tags)
