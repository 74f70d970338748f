"""Evaluations to judge and to show."""

from __future__ import annotations

from typing import Any

from airworthy.evaluation.document import Evaluation, RivalFigures, Slice
from airworthy.model.kinds.base import Figures
from airworthy.spec.pipeline import PipelineSpec


def figures(rows: int = 2000, **values: float | None) -> Figures:
    """Figures by the metrics' names, as the binary kind has them."""
    return Figures(rows=rows, values=values)


def evaluation(**changes: Any) -> Evaluation:
    """A good binary candidate beside all of its rivals."""
    good: dict[str, Any] = {
        "pipeline": "p",
        "task": "binary",
        "train_run": "r",
        "run_id": "1",
        "data_version": "3",
        "data_until": "2013-08-31",
        "holdout_from": "2013-08-01",
        "train_rows": 9000,
        "candidate": figures(roc_auc=0.74, log_loss=0.48),
        "average": figures(roc_auc=0.5, log_loss=0.55),
        "average_answer": 0.25,
        "lightgbm": RivalFigures(figures=figures(roc_auc=0.745)),
        "champion": RivalFigures(figures=figures(roc_auc=0.744), version=3),
        "slices": (Slice(column="origin", value="JFK", candidate=figures(900, roc_auc=0.6)),),
    }
    return Evaluation.model_validate({**good, **changes})


def first_of(spec: PipelineSpec, train_run: str, run_id: str, **changes: Any) -> Evaluation:
    """What the evaluation of a pipeline's first training finds: nobody to compare with but the average."""
    alone: dict[str, Any] = {
        "pipeline": spec.name,
        "task": spec.task,
        "train_run": train_run,
        "run_id": run_id,
        "data_version": "3",
        "data_until": "2013-08-31T23:59:00+00:00",
        "holdout_from": "2013-08-01T00:00:00+00:00",
        "train_rows": 200_000,
        "candidate": figures(29_000, rate=0.2, roc_auc=0.74, log_loss=0.41),
        "average": figures(29_000, rate=0.2, roc_auc=0.5, log_loss=0.5),
        "average_answer": 0.21,
    }
    return Evaluation.model_validate({**alone, **changes})
