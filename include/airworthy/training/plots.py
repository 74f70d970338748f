"""The picture of a training."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from airworthy.model.kinds import drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airworthy.model.kinds.base import Kind
    from airworthy.spec.tasks import Metric
    from airworthy.training.loop import EpochResult


def training_curve(kind: Kind, history: Sequence[EpochResult], path: Path) -> None:
    """By epoch: the loss beside the validation metric that selects the epoch, then the other headline metrics."""
    selecting = kind.metrics[kind.selects]
    others = [kind.metrics[name] for name in kind.headline if name != kind.selects]
    figure, (left, *rest) = drawing.figure(1 + len(others))
    epochs = [one.epoch + 1 for one in history]

    def validation(metric: Metric) -> list[float]:
        return [math.nan if (value := one.validation[metric.name]) is None else value for one in history]

    left.plot(epochs, [one.train_loss for one in history], marker="o", label="training")
    left.plot(epochs, validation(selecting), marker="o", label="validation")
    left.set(title=f"Loss and {selecting.title}", xlabel="epoch", ylabel=selecting.unit, xticks=epochs)
    left.legend()
    for axes, metric in zip(rest, others, strict=True):
        axes.plot(epochs, validation(metric), marker="o", color="tab:green")
        axes.set(title=f"Validation {metric.title}", xlabel="epoch", ylabel=metric.unit, xticks=epochs)
    drawing.save(figure, path)
