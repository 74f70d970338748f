"""Collects one candidate's evidence: evaluation and tags, the validation of its data, the canary's figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airworthy.evaluation import document, gates
from airworthy.lake import tables
from airworthy.ledger.events import Entry
from airworthy.ledger.events import release_id as name_of_release
from airworthy.registry import tags as names
from airworthy.release.decisions import rules, state
from airworthy.release.evidence.document import (
    Canary,
    Evidence,
    Figures,
    Gate,
    SliceFigures,
    Validation,
    VariantFigures,
)

if TYPE_CHECKING:
    from airworthy.evaluation.document import Evaluation
    from airworthy.model.kinds.base import Metrics
    from airworthy.registry.registry import Registry
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec


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
    kind = registry.versions.tags(spec.name, champion).get(names.KIND) if champion is not None else None
    data_version = tags.get(names.DATA_VERSION, evaluation.data_version)
    published = _validation(spec, settings, data_version)
    of_champion = evaluation.champion.metrics if evaluation.champion else None
    return Evidence(
        pipeline=spec.name,
        version=version,
        release_id=release_id,
        triggered_by=rules.triggered_by(entries, release_id) or "the schedule",
        train_run=evaluation.train_run,
        data_version=data_version,
        data_until=evaluation.data_until,
        raw_versions={k: str(v) for k, v in json.loads(tags.get(names.RAW_VERSIONS) or "{}").items()},
        code_version=tags.get(names.CODE_VERSION, ""),
        champion_version=champion,
        champion_is_baseline=kind == names.BASELINE,
        candidate=_figures(evaluation.candidate),
        champion=_of_champion(evaluation, champion, kind, of_champion, evaluation.average),
        average=_figures(evaluation.average),
        lightgbm=_figures(evaluation.lightgbm.metrics) if evaluation.lightgbm else None,
        slices=tuple(
            SliceFigures(
                column=part.column,
                value=part.value,
                candidate=_figures(part.candidate),
                champion=_of_champion(evaluation, champion, kind, part.champion, part.average),
            )
            for part in evaluation.slices
        ),
        gates=tuple(
            Gate(name=g.name, passed=g.passed, observed=g.observed, limit=g.required, reason=g.reason)
            for g in gates.check(evaluation, spec.gates)
        ),
        validation=_judgement(published),
        canary=_canary(spec, entries, release_id),
        links=_links(spec, registry, version, evaluation),
    )


def _figures(metrics: Metrics) -> Figures:
    return Figures(rows=metrics.rows, roc_auc=metrics.roc_auc, log_loss=metrics.log_loss)


def _of_champion(
    evaluation: Evaluation, champion: int | None, kind: str | None, compared: Metrics | None, average: Metrics | None
) -> Figures | None:
    """Today's champion on the candidate's holdout or a slice of it; None if the evaluation compared with another one.

    Args:
        champion: today's version; ``kind`` is its tag.
        compared: figures of the champion at the time of the evaluation, if there was one.
        average: figures of the always-average baseline.
    """
    if evaluation.champion is not None:
        return _figures(compared) if compared and evaluation.champion.version == champion else None
    # it was made from this very evaluation
    return _figures(average) if average and kind == names.BASELINE else None


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
