"""Tells an evaluation: to people as text and pictures, to MLflow as metrics, artifacts and the gates' tag."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airworthy.evaluation import document, gates, plots
from airworthy.model import kinds
from airworthy.registry import tags as names

if TYPE_CHECKING:
    from airworthy.evaluation.document import Evaluation
    from airworthy.evaluation.gates import GateResult
    from airworthy.evaluation.rivals import Rivals
    from airworthy.model.kinds.base import Figures
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.training.tracking import TrackedRun

GATES_FILE = "gates.json"


def publish(
    run: TrackedRun, spec: PipelineSpec, evaluation: Evaluation, results: list[GateResult], rivals: Rivals
) -> None:
    """Print the report and log everything to the run; the gates' verdict last, since registration looks at it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / document.FILE).write_text(evaluation.model_dump_json(indent=1), encoding="utf-8")
        (folder / GATES_FILE).write_text(json.dumps([asdict(r) for r in results], indent=1), encoding="utf-8")
        _draw(spec, evaluation, rivals, folder / "plots")
        run.log_folder(folder)
    run.log_metrics(mlflow_metrics(evaluation))
    report = "\n".join(lines(evaluation, results))
    print(report, flush=True)
    run.set_tags({"mlflow.note.content": f"```\n{report}\n```"})  # the description on the run's page
    run.set_tags({names.GATES: "passed" if gates.passed(results) else "failed"})


def mlflow_metrics(evaluation: Evaluation) -> dict[str, float | None]:
    """Every figure as ``<model>_<metric>`` and ``<model>_rows``, the candidate's as ``holdout_<metric>``.

    Beside them the differences in the kind's own metric, ``<metric>_minus_<rival>`` with ``_low`` and ``_high``.
    """
    rivals = {"lightgbm": evaluation.lightgbm, "champion": evaluation.champion}
    models = {
        "holdout": evaluation.candidate,
        "average": evaluation.average,
        **{name: rival.figures for name, rival in rivals.items() if rival},
    }
    flat: dict[str, float | None] = {}
    for model, figures in models.items():
        flat[f"{model}_rows"] = figures.rows
        flat |= {f"{model}_{metric}": value for metric, value in figures.values.items()}
    for name, rival in rivals.items():
        if rival and (difference := rival.difference):
            minus = f"{difference.metric}_minus_{name}"
            flat |= {minus: difference.value, f"{minus}_low": difference.low, f"{minus}_high": difference.high}
    return flat


def lines(evaluation: Evaluation, results: Sequence[GateResult]) -> Iterator[str]:
    """The report for a person: a table of models by metric, the doubts, then each gate."""
    since, until = (datetime.fromisoformat(text) for text in (evaluation.holdout_from, evaluation.data_until))
    yield f"holdout of {evaluation.candidate.rows:,} rows, {since:%Y-%m-%d} to {until:%Y-%m-%d}"
    shown = [m for m in kinds.named(evaluation.task).metrics.values() if m.higher_is_better is not None]
    widths = {metric.name: max(10, len(metric.title) + 2) for metric in shown}
    yield f"  {'':<20}" + "".join(f"{metric.title:>{widths[metric.name]}}" for metric in shown)
    for name, figures in _models(evaluation):
        yield f"  {name:<20}" + "".join(f"{_shown(figures[metric]):>{width}}" for metric, width in widths.items())
    for doubt in evaluation.doubts:
        yield f"  DOUBT   {doubt}"
    for result in results:
        yield f"  {'passed' if result.passed else 'MISSED'}  {result.name}: {result.reason}"


def _models(evaluation: Evaluation) -> Iterator[tuple[str, Figures]]:
    yield "candidate", evaluation.candidate
    yield "always average", evaluation.average
    if evaluation.lightgbm:
        yield "LightGBM", evaluation.lightgbm.figures
    if evaluation.champion:
        yield f"champion v{evaluation.champion.version}", evaluation.champion.figures


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _draw(spec: PipelineSpec, evaluation: Evaluation, rivals: Rivals, folder: Path) -> None:
    kind = kinds.named(evaluation.task)
    kind.draw(rivals.labels, rivals.drawn, folder)
    if evaluation.slices:
        metric = kind.metrics[kind.compares]
        plots.slices(evaluation.slices, metric, gates.asked(kind, metric, spec.gates), folder / "slices.png")
