"""What an evaluation found, as data: `evaluation.json` of a training run."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _finite(value: object) -> object:
    # rows of one class only have no ROC AUC; JSON has no NaN
    return None if isinstance(value, float) and not math.isfinite(value) else value


Metric = Annotated[float | None, BeforeValidator(_finite)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metrics(_Frozen):
    """How well one model's probabilities fit the labels of some rows; None where it is not defined.

    Attributes:
        rows: number of rows.
        rate: share of rows with label 1.
        roc_auc: area under the ROC curve; 0.5 knows nothing.
        log_loss: nats per row.
        brier: mean squared error of the probability.
        pr_auc: average precision.
        calibration_error: expected calibration error over 10 bins of equal size: the mean distance between
            predicted and observed rate.
        threshold: probability at which F1 is largest.
        f1: F1 at that threshold.
    """

    rows: int = Field(ge=0)
    rate: Metric = None
    roc_auc: Metric = None
    log_loss: Metric = None
    brier: Metric = None
    pr_auc: Metric = None
    calibration_error: Metric = None
    threshold: Metric = None
    f1: Metric = None


class Difference(_Frozen):
    """Candidate minus other in ROC AUC, with its 95 % interval (bootstrap over holdout rows)."""

    roc_auc: Metric = None
    low: Metric = None
    high: Metric = None


class Other(_Frozen):
    """Another model on the same holdout rows."""

    metrics: Metrics
    difference: Difference | None = None
    version: int | None = Field(None, description="in the registry, for the champion")
    kind: str = ""


class Slice(_Frozen):
    """The holdout rows where ``column`` is ``value``."""

    column: str
    value: str
    candidate: Metrics
    champion: Metrics | None = None
    average: Metrics | None = None


class Evaluation(_Frozen):
    """A candidate on the holdout, which lies later in time than everything it was trained on.

    Attributes:
        average: the always-average baseline: the training rows' label rate for every row.
        lightgbm: trained on the same features of the same rows.
        champion: today's, unless there is none; its kind is ``baseline`` while no trained model was promoted.
    """

    pipeline: str
    train_run: str
    run_id: str
    data_version: str
    data_until: str = Field(description="ISO 8601, UTC: the newest row of the snapshot")
    holdout_from: str = Field(description="ISO 8601, UTC")
    train_rows: int
    candidate: Metrics
    average: Metrics
    lightgbm: Other | None = None
    champion: Other | None = None
    slices: tuple[Slice, ...] = ()
