"""Yes or no: a label of 0 or 1, answered with the probability of 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from airworthy.model.kinds import binary_metrics as metrics
from airworthy.model.kinds.base import Difference, Figures, Floats, Kind
from airworthy.spec.tasks import Task

if TYPE_CHECKING:
    from torch import Tensor

#: On tabular data a ROC AUC this high is more often a feature that knows the label than a good model.
TOO_GOOD = 0.99
#: Predicted and observed rate this far apart, as a share of the observed, mean that the answers are no probabilities.
FAR_OFF = 0.5


class Binary(Kind):
    """Yes or no, answered with the probability of yes."""

    name: ClassVar[Task] = "binary"
    output: ClassVar[str] = "probability"
    answer_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    headline: ClassVar[tuple[str, ...]] = ("roc_auc", "log_loss")
    selects: ClassVar[str] = "log_loss"
    compares: ClassVar[str] = "roc_auc"
    min_slice_rows: ClassVar[int] = 200  # the standard error of a ROC AUC on so many rows is about 0.04
    lightgbm: ClassVar[Mapping[str, Any]] = {"objective": "binary"}

    def target_problem(self, values: Sequence[Any]) -> str:
        return "" if list(values) == [0, 1] else f"{list(values)}, expected 0 and 1"

    def average(self, labels: Floats) -> float:
        return float(labels.mean())

    def activate(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid()

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        from torch.nn.functional import binary_cross_entropy_with_logits

        return binary_cross_entropy_with_logits(outputs, labels)

    def measure(self, labels: Floats, answers: Floats) -> Figures:
        if labels.size == 0:
            return Figures(rows=0)
        return Figures(rows=labels.size, values=metrics.measure(labels, answers))

    def difference(self, labels: Floats, candidate: Floats, other: Floats) -> Difference:
        if (interval := metrics.roc_auc_interval(labels, candidate, other)) is None:
            return Difference(metric=self.compares)
        observed = metrics.roc_auc(labels, candidate) - metrics.roc_auc(labels, other)
        return Difference(metric=self.compares, value=observed, low=interval[0], high=interval[1])

    def doubts(self, labels: Floats, answers: Floats) -> tuple[str, ...]:
        if labels.size == 0:
            return ()
        found = []
        if np.ptp(answers) == 0:
            found.append(f"Every row gets the same answer, {answers[0]:.4g}.")
        observed, predicted = float(labels.mean()), float(answers.mean())
        if observed and abs(predicted - observed) > FAR_OFF * observed:
            found.append(f"{predicted:.1%} are predicted on average, {observed:.1%} were observed.")
        if (area := metrics.roc_auc(labels, answers)) > TOO_GOOD:
            found.append(f"A ROC AUC of {area:.4f} is rarely real: does a feature know the label?")
        return tuple(found)

    def draw(self, labels: Floats, answers: Mapping[str, Floats], folder: Path) -> None:
        from airworthy.model.kinds import binary_plots

        binary_plots.curves(labels, answers, folder / "roc_and_precision_recall.png")
        binary_plots.calibration(labels, answers, folder / "calibration.png")
