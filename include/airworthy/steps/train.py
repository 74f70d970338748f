"""What the train DAG's tasks do, as plain functions; training and evaluation themselves run in pods."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airworthy.errors import Final
from airworthy.lake.lake import Lake

if TYPE_CHECKING:
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


class GatesMissed(Final):
    """The candidate is not good enough to be registered."""


def snapshot(spec: PipelineSpec, settings: Settings) -> dict[str, Any]:
    """Pin the published version of the feature table."""
    from airworthy.features import published

    pinned = published.latest(Lake.of(settings), spec)
    log.info("training on features v%s, published %s", pinned.version, pinned.at)
    return {"version": pinned.version, "raw_versions": pinned.raw_versions}


def gates(spec: PipelineSpec, settings: Settings, train_run: str) -> dict[str, float | None]:
    """Judge a training's evaluation; the observed figure by gate.

    Raises:
        GatesMissed: with every missed gate.
    """
    from airworthy.evaluation import document, gates
    from airworthy.registry.registry import Registry

    registry = Registry(settings.mlflow_url)
    run = registry.runs.get(spec.name, train_run)
    results = gates.check(document.read(registry.runs, run.info.run_id), spec.gates)
    for result in results:
        log.info("%s %s: %s", "passed" if result.passed else "MISSED", result.name, result.reason)
    if missed := [result for result in results if not result.passed]:
        raise GatesMissed(
            f"{train_run} is not registered:\n" + "\n".join(f"  - {result.name}: {result.reason}" for result in missed),
            next_step=f"see {registry.runs.page(run.info.experiment_id, run.info.run_id)}; "
            "docs/runbook.md#gates-missed",
        )
    return {result.name: result.observed for result in results}


def register(spec: PipelineSpec, settings: Settings, train_run: str, tags: dict[str, str]) -> int:
    """Register a training's model once, and return its version; before the first one of a pipeline, its baseline.

    So the baseline that answers while nobody was approved is v1, and the first model is v2. Killed anywhere and run
    again, the same versions come out.
    """
    from airworthy.evaluation import baseline, document
    from airworthy.registry.registry import Registry

    registry = Registry(settings.mlflow_url)
    if all(version.is_baseline for version in registry.versions.all(spec.name)):
        run_id = registry.runs.get(spec.name, train_run).info.run_id
        first = baseline.ensure(registry, spec, document.read(registry.runs, run_id))
        log.info("the baseline of %s is v%s", spec.name, first)
    version = registry.versions.register(spec.name, train_run, tags)
    log.info("%s is %s v%s", train_run, spec.name, version)
    return version
