"""The data DAG's hands: each task of `<pipeline>.data`, with this deployment's addresses."""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from airworthy_airflow import connections

if TYPE_CHECKING:
    from airworthy.lake import Lake
    from airworthy.spec import PipelineSpec

log = logging.getLogger(__name__)


def lake() -> Lake:
    """The lake of this deployment."""
    from airworthy.lake import Lake

    settings = connections.settings()
    return Lake(settings.lake, settings.storage_options)


def ingest(spec: PipelineSpec, as_of: str | None) -> dict[str, Any]:
    """Take in everything that has landed by ``as_of`` (ISO time; None for all)."""
    from airworthy.ingest.run import ingest

    report = ingest(spec, connections.settings(), as_of=datetime.fromisoformat(as_of) if as_of else None)
    log.info("%s", report.summary())
    return {"changed": report.changed, "summary": report.summary(), "versions": report.versions}


def validate(spec: PipelineSpec) -> dict[str, Any]:
    """Run the expectation suite over the current feature table; a failed suite fails the task for good."""
    from airworthy.validation import validate

    tables = lake()
    version = tables.version(f"{spec.name}/features/training")
    assert version is not None, "the features task has committed a version"
    result = validate(spec, connections.settings(), tables, table_version=version)
    if not result.success:
        failures = "\n".join(f"  - {failure}" for failure in result.failed)
        raise AirflowFailException(
            f"features v{version} failed validation and are not published:\n{failures}\n  report: {result.docs}"
        )
    log.info("features v%s passed; report: %s", version, result.docs)
    return asdict(result)


def publish(spec: PipelineSpec, validation: dict[str, Any]) -> int:
    """Make the validated version the published one."""
    from airworthy import publish

    tables = lake()
    version = int(validation["table_version"])
    raw = tables.metadata(f"{spec.name}/features/training", version).get("raw_versions", {})
    publish.publish(tables, spec, version=version, raw_versions=raw, validation=validation)
    return version


def materialise(spec: PipelineSpec, version: int) -> dict[str, int]:
    """Bring the online store up to the published version."""
    from airworthy.features.online import OnlineStore

    rows = OnlineStore(spec, connections.settings()).materialise(lake())
    log.info("online store at features v%s: %s", version, rows)
    return rows
