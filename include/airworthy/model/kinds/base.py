"""What a kind of task is: the one place that says what is predicted, and how well."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _finite(value: object) -> object:
    # rows of one class only have no ROC AUC; JSON has no NaN
    return None if isinstance(value, float) and not math.isfinite(value) else value


Metric = Annotated[float | None, BeforeValidator(_finite)]


class Frozen(BaseModel):
    """A document that takes no unknown keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Metrics(Frozen):
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


class Difference(Frozen):
    """Candidate minus other in ROC AUC, with its 95 % interval (bootstrap over holdout rows)."""

    roc_auc: Metric = None
    low: Metric = None
    high: Metric = None


class Kind(ABC):
    """A kind of task. Everything that depends on what is predicted asks the kind; nothing else names its figures.

    Attributes:
        name: as `task` in pipeline.yaml.
        output: what the model answers: the name of the ONNX output tensor, of the field in a prediction's answer, and
            of the prediction log's column.
    """

    name: ClassVar[str]
    output: ClassVar[str]

    @abstractmethod
    def sound(self, answers: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
        """Which answers are ones that this kind can give; NaN never is.

        Args:
            answers: [n].

        Returns:
            [n].
        """
