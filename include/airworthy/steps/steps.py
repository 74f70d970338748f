"""The stages of `data` and `train` as plain functions: what each task does, runnable without Airflow.

``python -m airworthy.steps.steps ingest --pipeline flight_delays`` runs one in a shell, with the addresses of the
environment (`airworthy env`).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airworthy.errors import AirworthyError
from airworthy.settings import from_environment
from airworthy.spec import folders

if TYPE_CHECKING:
    from airworthy.lake.lake import Lake
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


class ValidationFailed(AirworthyError):
    """The feature table missed an expectation; nothing is published."""


class GatesMissed(AirworthyError):
    """The candidate is not good enough to be registered."""


def lake(settings: Settings) -> Lake:
    """The lake at these addresses."""
    from airworthy.lake.lake import Lake

    return Lake(settings.lake, settings.storage_options)


def ingest(spec: PipelineSpec, settings: Settings, *, as_of: datetime | None = None) -> dict[str, Any]:
    """Take in everything that has landed by ``as_of`` (None: everything)."""
    from airworthy.ingest.take import ingest

    report = ingest(spec, settings, as_of=as_of)
    log.info("%s", report.summary())
    return {"changed": report.changed, "summary": report.summary(), "versions": dict(report.versions)}


def validate(spec: PipelineSpec, settings: Settings) -> dict[str, Any]:
    """Run the expectation suite over the current feature table.

    Raises:
        ValidationFailed: with every missed expectation.
    """
    from airworthy.features.validation import validate

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
    from airworthy.features import published

    tables = lake(settings)
    version = int(validation["table_version"])
    raw = json.loads(tables.metadata(training_table(spec), version).get("raw_versions") or "{}")
    published.publish(tables, spec, version=version, raw_versions=raw, validation=validation)
    return version


def materialise(spec: PipelineSpec, settings: Settings) -> dict[str, int]:
    """Bring the online store up to the published version; rows by view."""
    from airworthy.features.online.store import OnlineStore

    rows = OnlineStore(spec, settings).materialise(lake(settings))
    log.info("online store: %s", rows)
    return dict(rows)


def snapshot(spec: PipelineSpec, settings: Settings) -> dict[str, Any]:
    """Pin the published version of the feature table."""
    from airworthy.features import published

    pinned = published.latest(lake(settings), spec)
    log.info("training on features v%s, published %s", pinned.version, pinned.at)
    return {"version": pinned.version, "raw_versions": pinned.raw_versions}


def training_table(spec: PipelineSpec) -> str:
    """The feature table's name in the lake."""
    return f"{spec.name}/features/training"


def gates(spec: PipelineSpec, settings: Settings, train_run: str) -> dict[str, float | None]:
    """Judge a training's evaluation; the observed figure by gate.

    Raises:
        GatesMissed: with every missed gate.
    """
    from airworthy.evaluation.gates import check
    from airworthy.registry.registry import Registry

    registry = Registry(settings.mlflow_url)
    run = registry.run(spec.name, train_run)
    results = check(registry.evaluation(run.info.run_id), spec.gates)
    for result in results:
        log.info("%s %s: %s", "passed" if result.passed else "MISSED", result.name, result.reason)
    if missed := [result for result in results if not result.passed]:
        raise GatesMissed(
            f"{train_run} is not registered:\n" + "\n".join(f"  - {result.name}: {result.reason}" for result in missed),
            next_step=f"look at {registry.run_page(run.info.experiment_id, run.info.run_id)}",
        )
    return {result.name: result.observed for result in results}


def register(spec: PipelineSpec, settings: Settings, train_run: str, tags: dict[str, str]) -> int:
    """Register a training's model once, and return its version."""
    from airworthy.registry.registry import Registry

    version = Registry(settings.mlflow_url).register(spec.name, train_run, tags)
    log.info("%s is %s v%s", train_run, spec.name, version)
    return version


def main() -> None:
    """Run one stage in a shell."""
    parser = argparse.ArgumentParser(prog="python -m airworthy.steps.steps", description=__doc__)
    parser.add_argument("stage", choices=["ingest", "validate-publish", "materialise", "snapshot", "gates", "register"])
    parser.add_argument("--pipeline", required=True, help="a folder's name below include/pipelines")
    parser.add_argument("--train-run", default="", help="for gates and register: the training's name")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    settings = from_environment()
    spec = folders.load(settings.pipelines, arguments.pipeline)
    chosen: dict[str, Callable[[], Any]] = {
        "ingest": lambda: ingest(spec, settings),
        "validate-publish": lambda: publish(spec, settings, validate(spec, settings)),
        "materialise": lambda: materialise(spec, settings),
        "snapshot": lambda: snapshot(spec, settings)["version"],
        "gates": lambda: gates(spec, settings, arguments.train_run),
        "register": lambda: register(spec, settings, arguments.train_run, {}),
    }
    try:
        print(json.dumps(chosen[arguments.stage](), default=str))
    except AirworthyError as error:
        sys.exit(f"{arguments.stage}: {error}")


if __name__ == "__main__":
    main()
