"""The data DAG's tasks, with this deployment's addresses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airworthy_airflow import connections

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec


def ingest(spec: PipelineSpec, as_of: str | None) -> dict[str, Any]:
    """Take in everything that has landed by ``as_of`` (ISO time; None for all)."""
    from airworthy.steps import data

    return data.ingest(spec, connections.settings(), as_of=datetime.fromisoformat(as_of) if as_of else None)


def validate(spec: PipelineSpec) -> dict[str, Any]:
    """Run the expectation suite over the current feature table; a missed expectation fails the task for good."""
    from airworthy.steps import data

    return data.validate(spec, connections.settings())


def publish(spec: PipelineSpec, validation: dict[str, Any]) -> int:
    """Make the validated version the published one."""
    from airworthy.steps import data

    return data.publish(spec, connections.settings(), validation)


def materialise(spec: PipelineSpec) -> dict[str, int]:
    """Bring the online store up to the published version."""
    from airworthy.steps import data

    return data.materialise(spec, connections.settings())
