"""Collects one candidate's evidence: evaluation and tags, the validation of its data, the canary's figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from airworthy.evaluation import document, gates
from airworthy.lake import tables
from airworthy.ledger.events import Entry
from airworthy.ledger.events import release_id as name_of_release
from airworthy.model import kinds
from airworthy.registry import tags as names
from airworthy.release.decisions import rules, state
from airworthy.release.evidence.document import (
    Canary,
    Evidence,
    Gate,
    SliceFigures,
    Validation,
    VariantFigures,
)

if TYPE_CHECKING:
    from airworthy.evaluation.document import Evaluation
    from airworthy.registry.registry import Registry
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

Rival = Literal["champion", "average"]


def collect(
    spec: PipelineSpec, settings: Settings, registry: Registry, version: int, entries: Sequence[Entry]
) -> Evidence:
    """The evidence of ``version`` as of now.

    Args:
        entries: the pipeline's ledger: today's champion, the canary's figures, who triggered the training.

    Raises:
        NotInRegistry: the version, its run or its evaluation is gone.
        RegistryAway: MLflow does not answer.
    """
    model = registry.versions.get(spec.name, version)
    evaluation = document.read(registry.runs, model.run_id)
    tags = model.tags
    release_id = name_of_release(spec.name, version)
    champion = state.desired_state(entries).champion
    is_baseline = champion is not None and registry.versions.get(spec.name, champion).is_baseline
    data_version = tags.get(names.DATA_VERSION, evaluation.data_version)
    published = _validation(spec, settings, data_version)
    headline = kinds.named(evaluation.task).headline
    rivals = {
        name: figures.only(headline) if figures else None
        for name, figures in (
            ("champion", evaluation.champion and evaluation.champion.figures),
            ("average", evaluation.average),
            ("lightgbm", evaluation.lightgbm and evaluation.lightgbm.figures),
        )
    }
    rival = _rival(evaluation, champion, is_baseline)
    return Evidence(
        pipeline=spec.name,
        task=evaluation.task,
        version=version,
        release_id=release_id,
        triggered_by=rules.triggered_by(entries, release_id) or "the schedule",
        train_run=evaluation.train_run,
        data_version=data_version,
        data_until=evaluation.data_until,
        raw_versions={k: str(v) for k, v in json.loads(tags.get(names.RAW_VERSIONS) or "{}").items()},
        code_version=tags.get(names.CODE_VERSION, ""),
        champion_version=champion,
        champion_is_baseline=is_baseline,
        candidate=evaluation.candidate.only(headline),
        champion=rivals[rival] if rival else None,
        average=rivals["average"],
        lightgbm=rivals["lightgbm"],
        slices=tuple(_slices(evaluation, rival, headline)),
        doubts=evaluation.doubts,
        gates=tuple(
            Gate(name=g.name, passed=g.passed, observed=g.observed, limit=g.required, reason=g.reason)
            for g in gates.check(evaluation, spec.gates)
        ),
        validation=_judgement(published),
        canary=_canary(spec, entries, release_id),
        links=_links(spec, registry, version, evaluation),
    )


def _rival(evaluation: Evaluation, champion: int | None, is_baseline: bool) -> Rival | None:
    """Which of the evaluation's rivals today's champion is; None if the candidate was not compared with it.

    Args:
        champion: today's version.
        is_baseline: is it the always-average model, which is made from the first evaluation?
    """
    if evaluation.champion is not None:
        return "champion" if evaluation.champion.version == champion else None
    return "average" if is_baseline else None


def _slices(evaluation: Evaluation, rival: Rival | None, headline: Sequence[str]) -> Iterator[SliceFigures]:
    for part in evaluation.slices:
        champion = {"champion": part.champion, "average": part.average}[rival] if rival else None
        yield SliceFigures(
            column=part.column,
            value=part.value,
            candidate=part.candidate.only(headline),
            champion=champion and champion.only(headline),
        )


def _validation(spec: PipelineSpec, settings: Settings, data_version: str) -> Mapping[str, Any]:
    """What was recorded when this version of the feature table was published; empty if it was not."""
    from airworthy.lake.lake import Lake

    lake = Lake(settings.lake, settings.storage_options)
    if not lake.exists(tables.published(spec.name)):
        return {}
    rows = lake.read(tables.published(spec.name)).to_pylist()
    return next((json.loads(row["validation"]) for row in rows if str(row["version"]) == data_version), {})


def _judgement(validation: Mapping[str, Any]) -> Validation | None:
    if not validation:
        return None
    return Validation(
        success=bool(validation["success"]),
        expectations=int(validation["checked"]),
        failures=tuple(f"{each['expectation']}({each['column'] or 'table'})" for each in validation["failed"]),
        docs=str(validation["docs"]),
    )


def _canary(spec: PipelineSpec, entries: Sequence[Entry], release_id: str) -> Canary | None:
    started = state.find(entries, release_id, "canary_started")
    verdict = state.find(entries, release_id, "verdict")
    if started is None or verdict is None:
        return None
    measured = verdict.details["measurements"]
    return Canary(
        percent=started.details["percent"],
        outcome=verdict.details["outcome"],
        reason=verdict.reason,
        challenger=VariantFigures.model_validate(measured["challenger"]),
        champion=VariantFigures.model_validate(measured["champion"]),
    )


def _links(spec: PipelineSpec, registry: Registry, version: int, evaluation: Evaluation) -> dict[str, str]:
    run = registry.runs.get(spec.name, evaluation.train_run)
    return {
        "Model version in MLflow": registry.versions.page(spec.name, version),
        "Training run in MLflow": registry.runs.page(run.info.experiment_id, evaluation.run_id),
        "Training in Airflow": f"/dags/{spec.name}.train/runs/{quote(evaluation.train_run, safe='')}",
        "Release in Airflow": f"/dags/{spec.name}.release/runs/{name_of_release(spec.name, version)}",
    }
