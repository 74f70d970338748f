"""What the data DAG's tasks do, as plain functions."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airworthy.errors import Final
from airworthy.lake import tables
from airworthy.lake.lake import Lake

if TYPE_CHECKING:
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


class ValidationFailed(Final):
    """The feature table missed an expectation; nothing is published."""


def ingest(spec: PipelineSpec, settings: Settings, *, as_of: datetime | None = None) -> dict[str, Any]:
    """Take in everything that has landed by ``as_of`` (None: everything)."""
    from airworthy.ingest.take import take_landed

    report = take_landed(spec, settings, as_of=as_of)
    log.info("%s", report.summary())
    return {"changed": report.changed, "summary": report.summary(), "versions": dict(report.versions)}


def validate(spec: PipelineSpec, settings: Settings) -> dict[str, Any]:
    """Run the expectation suite over the current feature table.

    Raises:
        ValidationFailed: with every missed expectation.
    """
    from airworthy.features.validation import validate

    lake = Lake.of(settings)
    version = lake.version(tables.training(spec.name))
    if version is None:
        raise ValidationFailed(f"{lake.uri(tables.training(spec.name))} does not exist", next_step="build the features")
    result = validate(spec, settings, lake, table_version=version)
    if not result.success:
        failures = "\n".join(f"  - {failure}" for failure in result.failed)
        raise ValidationFailed(
            f"features v{version} missed {len(result.failed)} expectations and are not published:\n{failures}",
            next_step=f"read the report {result.docs}; docs/runbook.md#validation-failed",
        )
    log.info("features v%s passed; report: %s", version, result.docs)
    return asdict(result)


def publish(spec: PipelineSpec, settings: Settings, validation: dict[str, Any]) -> int:
    """Make the validated version the published one, and return it."""
    from airworthy.features import published

    lake = Lake.of(settings)
    version = int(validation["table_version"])
    raw = json.loads(lake.metadata(tables.training(spec.name), version).get("raw_versions") or "{}")
    published.publish(lake, spec, version=version, raw_versions=raw, validation=validation)
    return version


def materialise(spec: PipelineSpec, settings: Settings) -> dict[str, int]:
    """Bring the online store up to the published version; rows by view."""
    from airworthy.features.online.store import OnlineStore

    rows = OnlineStore(spec, settings).materialise(Lake.of(settings))
    log.info("online store: %s", rows)
    return dict(rows)
