"""Evaluations to judge and to show."""

from __future__ import annotations

from typing import Any

from airworthy.evaluation.document import Evaluation, RivalFigures, Slice
from airworthy.model.kinds.base import Figures


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
