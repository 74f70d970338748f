"""The evaluation pod's command: scores the later holdout with the candidate, the baselines and the champion."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from airworthy.errors import AirworthyError
from airworthy.evaluation import gates, report, rivals, slices
from airworthy.evaluation.document import Evaluation, RivalFigures
from airworthy.model import kinds
from airworthy.registry import tags as names
from airworthy.registry.registry import Registry
from airworthy.registry.versions import NotRegistrable
from airworthy.settings import from_environment
from airworthy.spec import folders
from airworthy.training import dataset
from airworthy.training.launcher import PATIENCE
from airworthy.training.tracking import TrackedRun

if TYPE_CHECKING:
    from mlflow.entities import Run

    from airworthy.evaluation.rivals import Rivals
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.training.dataset import Snapshot


def main(arguments: list[str] | None = None) -> int:
    """Evaluate and log; the same again gives the same. A missed gate is a result, not an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", required=True, help="name of the folder below the pipelines folder")
    parser.add_argument("--train-run", required=True, help="Airflow's run id")
    options = parser.parse_args(arguments)
    settings = from_environment()
    os.environ.update({name: os.environ.get(name, value) for name, value in PATIENCE.items()})
    try:
        evaluate(folders.load(settings.pipelines, options.pipeline), settings, options.train_run)
    except AirworthyError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def evaluate(spec: PipelineSpec, settings: Settings, train_run: str) -> Evaluation:
    """Score the holdout of the snapshot that this run was trained on, and log everything to its MLflow run.

    Logged: metrics ``holdout_*``, ``average_*``, ``lightgbm_*``, ``champion_*``; ``evaluation.json``, ``gates.json``
    and plots; the tag ``airworthy.gates`` (passed or failed), which registration looks at, last.

    Raises:
        NotInRegistry: no such run.
        NotRegistrable: the training has not finished.
    """
    registry = Registry(settings.mlflow_url)
    run = registry.runs.get(spec.name, train_run)
    model_id = _finished_model(run)
    snapshot = dataset.load(spec, settings, int(run.data.tags[names.DATA_VERSION]))
    print(f"scoring {snapshot.holdout.num_rows:,} holdout rows from {snapshot.holdout_from:%Y-%m-%d}", flush=True)
    scored = rivals.score(spec, registry, model_id, snapshot)
    evaluation = judge(spec, run, snapshot, scored)
    results = gates.check(evaluation, spec.gates)
    report.publish(TrackedRun(registry, spec.name, train_run), spec, evaluation, results, scored)
    return evaluation


def judge(spec: PipelineSpec, run: Run, snapshot: Snapshot, scored: Rivals) -> Evaluation:
    """Measure every rival's answers, overall and by slice."""
    kind = kinds.of(spec)
    labels, champion = scored.labels, scored.champion
    return Evaluation(
        pipeline=spec.name,
        task=spec.task,
        train_run=run.data.tags[names.TRAIN_RUN],
        run_id=run.info.run_id,
        data_version=run.data.tags[names.DATA_VERSION],
        data_until=snapshot.data_until.isoformat(),
        holdout_from=snapshot.holdout_from.isoformat(),
        train_rows=snapshot.train.num_rows,
        candidate=kind.measure(labels, scored.candidate),
        average=kind.measure(labels, scored.average),
        average_answer=scored.average_answer,
        lightgbm=RivalFigures(
            figures=kind.measure(labels, scored.lightgbm),
            difference=kind.difference(labels, scored.candidate, scored.lightgbm),
        ),
        champion=champion
        and RivalFigures(
            figures=kind.measure(labels, champion.answers),
            difference=kind.difference(labels, scored.candidate, champion.answers),
            version=champion.version,
            is_baseline=champion.is_baseline,
        ),
        slices=slices.measure(kind, snapshot.holdout, spec.gates.slices, scored),
        doubts=kind.doubts(labels, scored.candidate),
    )


def _finished_model(run: Run) -> str:
    if not (model_id := run.data.tags.get(names.MODEL_ID)):
        raise NotRegistrable(
            f"run {run.info.run_id} has no finished model (tag {names.MODEL_ID})",
            next_step="run the train task again; it resumes",
        )
    return str(model_id)


if __name__ == "__main__":
    sys.exit(main())
