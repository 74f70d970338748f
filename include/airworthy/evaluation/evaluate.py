"""The evaluation pod's command: scores the later holdout with the candidate, the baselines and the champion."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airworthy.errors import AirworthyError
from airworthy.evaluation import document, gates, plots
from airworthy.evaluation.document import Evaluation, Other, Slice
from airworthy.model.bundle import CATEGORICAL, MODEL_FILE, NUMERIC, PROBABILITY
from airworthy.model.encoder import Encoder, EncodingError
from airworthy.model.kinds import binary
from airworthy.registry import tags as names
from airworthy.registry.registry import Registry
from airworthy.registry.versions import NotRegistrable
from airworthy.settings import from_environment
from airworthy.spec import folders
from airworthy.training import dataset
from airworthy.training.launcher import PATIENCE, cores
from airworthy.training.tracking import TrackedRun

if TYPE_CHECKING:
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.training.dataset import Snapshot

Scores = NDArray[np.float64]

LIGHTGBM_TREES = 300
SCORING_BATCH = 8192
#: Slice values beyond the largest ones are not listed: a category may have thousands.
MAX_SLICES = 12


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
    tags = run.data.tags
    if not (model_id := tags.get(names.MODEL_ID)):
        raise NotRegistrable(
            f"run {run.info.run_id} has no finished model (tag {names.MODEL_ID})",
            next_step="run the train task again; it resumes",
        )
    snapshot = dataset.load(spec, settings, int(tags[names.DATA_VERSION]))
    holdout = snapshot.holdout
    labels = dataset.labels(spec, holdout).astype(np.float64)
    columns = dataset.features(spec, holdout)
    print(f"scoring {holdout.num_rows:,} holdout rows from {snapshot.holdout_from:%Y-%m-%d}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        registry.packages.fetch(model_id, Path(folder) / "candidate")
        encoder = Encoder.load(Path(folder) / "candidate")
        scores = score(Path(folder) / "candidate", columns)
        champion = _champion(registry, spec, columns, Path(folder))
    average = np.full(labels.size, dataset.labels(spec, snapshot.train).mean())
    lightgbm = _lightgbm(spec, snapshot, encoder, columns)
    evaluation = Evaluation(
        pipeline=spec.name,
        train_run=train_run,
        run_id=run.info.run_id,
        data_version=tags[names.DATA_VERSION],
        data_until=snapshot.data_until.isoformat(),
        holdout_from=snapshot.holdout_from.isoformat(),
        train_rows=snapshot.train.num_rows,
        candidate=binary.measure(labels, scores),
        average=binary.measure(labels, average),
        lightgbm=Other(
            metrics=binary.measure(labels, lightgbm),
            difference=binary.difference(labels, scores, lightgbm),
            kind="lightgbm",
        ),
        champion=None
        if champion is None
        else Other(
            metrics=binary.measure(labels, champion.scores),
            difference=binary.difference(labels, scores, champion.scores),
            version=champion.version,
            kind=champion.kind,
        ),
        slices=_slices(spec, holdout, labels, scores, average, None if champion is None else champion.scores),
    )
    everyone = {"candidate": scores, "lightgbm": lightgbm, **({"champion": champion.scores} if champion else {})}
    _log(TrackedRun(registry, spec.name, train_run), spec, evaluation, labels, everyone)
    return evaluation


def score(model: Path, columns: Mapping[str, Any]) -> Scores:
    """Probabilities by ONNX Runtime, [n].

    Args:
        model: folder with ``model.onnx`` and ``preprocessing.json``.
        columns: as `dataset.features` gives them; they may be more than this model needs.

    Raises:
        EncodingError: a feature of this model has no column.
    """
    import onnxruntime

    categorical, numeric = Encoder.load(model).encode(columns)
    session = onnxruntime.InferenceSession(model / MODEL_FILE, providers=["CPUExecutionProvider"])
    parts = [
        session.run(
            [PROBABILITY],
            {CATEGORICAL: categorical[i : i + SCORING_BATCH], NUMERIC: numeric[i : i + SCORING_BATCH]},
        )[0]
        for i in range(0, numeric.shape[0], SCORING_BATCH)
    ]
    return np.concatenate(parts).astype(np.float64)


@dataclass(frozen=True)
class _Champion:
    version: int
    kind: str
    scores: Scores


def _champion(registry: Registry, spec: PipelineSpec, columns: Mapping[str, Any], folder: Path) -> _Champion | None:
    version = registry.aliases.get(spec.name, "champion")
    if version is None:
        return None
    kind = registry.versions.tags(spec.name, version).get(names.KIND, "")
    try:
        scores = score(registry.packages.download(spec.name, version, folder), columns)
    except EncodingError as error:
        # the spec has changed: the two cannot be compared, and that must not stop the new one
        print(f"champion v{version} is not compared: {error.message}", flush=True)
        return None
    return _Champion(version, kind, scores)


def _lightgbm(spec: PipelineSpec, snapshot: Snapshot, encoder: Encoder, holdout: Mapping[str, Any]) -> Scores:
    """What gradient boosting makes of the very same rows, features and category codes."""
    import lightgbm

    def inputs(columns: Mapping[str, Any]) -> NDArray[np.float32]:
        categorical, numeric = encoder.encode(columns)
        return np.concatenate([categorical.astype(np.float32), numeric], axis=1)

    train = lightgbm.Dataset(
        inputs(dataset.features(spec, snapshot.train)),
        dataset.labels(spec, snapshot.train),
        categorical_feature=list(range(len(encoder.categorical))),
        free_raw_data=True,
    )
    options = {
        "objective": "binary",
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": 100,
        "deterministic": True,
        "force_row_wise": True,
        "seed": spec.training.seed,
        "num_threads": _threads(spec),
        "verbose": -1,
    }
    booster = lightgbm.train(options, train, LIGHTGBM_TREES)
    return np.asarray(booster.predict(inputs(holdout)), np.float64)


def _threads(spec: PipelineSpec) -> int:
    return max(1, int(cores(spec.training.resources.cpu)))


def _slices(
    spec: PipelineSpec, holdout: pa.Table, labels: Scores, scores: Scores, average: Scores, champion: Scores | None
) -> tuple[Slice, ...]:
    found = []
    for column in spec.gates.slices:
        values = np.array([str(value) for value in holdout[column].to_pylist()])
        distinct, counts = np.unique(values, return_counts=True)
        for value in sorted(distinct[np.argsort(-counts, kind="stable")[:MAX_SLICES]]):
            rows = values == value
            found.append(
                Slice(
                    column=column,
                    value=str(value),
                    candidate=binary.measure(labels[rows], scores[rows]),
                    champion=None if champion is None else binary.measure(labels[rows], champion[rows]),
                    average=binary.measure(labels[rows], average[rows]),
                )
            )
    return tuple(found)


def _log(
    run: TrackedRun, spec: PipelineSpec, evaluation: Evaluation, labels: Scores, scores: Mapping[str, Scores]
) -> None:
    results = gates.check(evaluation, spec.gates)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / document.FILE).write_text(evaluation.model_dump_json(indent=1), encoding="utf-8")
        (folder / "gates.json").write_text(json.dumps([asdict(r) for r in results], indent=1), encoding="utf-8")
        plots.curves(labels, scores, folder / "plots" / "roc_and_precision_recall.png")
        plots.calibration(labels, scores, folder / "plots" / "calibration.png")
        if evaluation.slices:
            plots.slices(evaluation.slices, spec.gates.min_slice_roc_auc, folder / "plots" / "slices.png")
        run.log_folder(folder)
    run.log_metrics(figures(evaluation))
    report = "\n".join(_report(evaluation, results))
    print(report, flush=True)
    # the description on the run's page; the verdict last, since registration looks at it
    run.set_tags({"mlflow.note.content": f"```\n{report}\n```"})
    run.set_tags({names.GATES: "passed" if gates.passed(results) else "failed"})


def figures(evaluation: Evaluation) -> dict[str, float | None]:
    """The evaluation as MLflow metrics: ``holdout_roc_auc``, ``lightgbm_log_loss``, ``champion_roc_auc`` ..."""
    models = {
        "holdout": evaluation.candidate,
        "average": evaluation.average,
        "lightgbm": evaluation.lightgbm and evaluation.lightgbm.metrics,
        "champion": evaluation.champion and evaluation.champion.metrics,
    }
    flat: dict[str, float | None] = {
        f"{who}_{name}": value for who, measured in models.items() if measured for name, value in measured
    }
    for who, other in (("lightgbm", evaluation.lightgbm), ("champion", evaluation.champion)):
        if other and other.difference:
            flat |= {
                f"roc_auc_minus_{who}": other.difference.roc_auc,
                f"roc_auc_minus_{who}_low": other.difference.low,
                f"roc_auc_minus_{who}_high": other.difference.high,
            }
    return flat


def _report(evaluation: Evaluation, results: list[gates.GateResult]) -> Iterator[str]:
    since, until = (datetime.fromisoformat(text) for text in (evaluation.holdout_from, evaluation.data_until))
    yield f"holdout of {evaluation.candidate.rows:,} rows, {since:%Y-%m-%d} to {until:%Y-%m-%d}"
    yield f"  {'':<20}{'ROC AUC':>10}{'log loss':>10}{'Brier':>10}"
    rows = [("candidate", evaluation.candidate), ("always average", evaluation.average)]
    rows += [(name, other.metrics) for name, other in _others(evaluation)]
    for name, measured in rows:
        values = (measured.roc_auc, measured.log_loss, measured.brier)
        yield f"  {name:<20}" + "".join(f"{'-' if value is None else format(value, '.4f'):>10}" for value in values)
    for result in results:
        yield f"  {'passed' if result.passed else 'MISSED'}  {result.name}: {result.reason}"


def _others(evaluation: Evaluation) -> list[tuple[str, Other]]:
    champion = evaluation.champion
    named = [("LightGBM", evaluation.lightgbm), (f"champion v{champion.version}" if champion else "", champion)]
    return [(name, other) for name, other in named if other is not None]


if __name__ == "__main__":
    sys.exit(main())
