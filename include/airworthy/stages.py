"""The stages of `data` and `train` as plain functions: what each task does, runnable without Airflow.

``python -m airworthy.stages ingest --pipeline flight_delays`` runs one in a shell, with the addresses of the
environment (`airworthy env`).
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airworthy.errors import AirworthyError

if TYPE_CHECKING:
    from airworthy.lake import Lake
    from airworthy.settings import Settings
    from airworthy.spec import PipelineSpec

log = logging.getLogger(__name__)


class ValidationFailed(AirworthyError):
    """The feature table missed an expectation; nothing is published."""


class GatesMissed(AirworthyError):
    """The candidate is not good enough to be registered."""


def lake(settings: Settings) -> Lake:
    """The lake at these addresses."""
    from airworthy.lake import Lake

    return Lake(settings.lake, settings.storage_options)


def ingest(spec: PipelineSpec, settings: Settings, *, as_of: datetime | None = None) -> dict[str, Any]:
    """Take in everything that has landed by ``as_of`` (None: everything)."""
    from airworthy.ingest.run import ingest

    report = ingest(spec, settings, as_of=as_of)
    log.info("%s", report.summary())
    return {"changed": report.changed, "summary": report.summary(), "versions": dict(report.versions)}


def validate(spec: PipelineSpec, settings: Settings) -> dict[str, Any]:
    """Run the expectation suite over the current feature table.

    Raises:
        ValidationFailed: with every missed expectation.
    """
    from airworthy.validation import validate

    tables = lake(settings)
    version = tables.version(training_table(spec))
    if version is None:
        raise ValidationFailed(f"{tables.uri(training_table(spec))} does not exist", next_step="build the features")
    result = validate(spec, settings, tables, table_version=version)
    if not result.success:
        failures = "\n".join(f"  - {failure}" for failure in result.failed)
        raise ValidationFailed(
            f"features v{version} missed {len(result.failed)} expectations and are not published:\n{failures}",
            next_step=f"read the report {result.docs}",
        )
    log.info("features v%s passed; report: %s", version, result.docs)
    return asdict(result)


def publish(spec: PipelineSpec, settings: Settings, validation: dict[str, Any]) -> int:
    """Make the validated version the published one, and return it."""
    from airworthy import publish

    tables = lake(settings)
    version = int(validation["table_version"])
    raw = tables.metadata(training_table(spec), version).get("raw_versions", {})
    publish.publish(tables, spec, version=version, raw_versions=raw, validation=validation)
    return version


def materialise(spec: PipelineSpec, settings: Settings) -> dict[str, int]:
    """Bring the online store up to the published version; rows by view."""
    from airworthy.features.online import OnlineStore

    rows = OnlineStore(spec, settings).materialise(lake(settings))
    log.info("online store: %s", rows)
    return dict(rows)


def snapshot(spec: PipelineSpec, settings: Settings) -> dict[str, Any]:
    """Pin the published version of the feature table."""
    from airworthy import publish

    published = publish.latest(lake(settings), spec)
    log.info("training on features v%s, published %s", published.version, published.at)
    return {"version": published.version, "raw_versions": published.raw_versions}


def training_table(spec: PipelineSpec) -> str:
    """The feature table's name in the lake."""
    return f"{spec.name}/features/training"
