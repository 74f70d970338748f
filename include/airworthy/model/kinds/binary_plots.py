"""Pictures of predicted probabilities, as PNG files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from airworthy.model.kinds import binary_metrics as metrics
from airworthy.model.kinds import drawing
from airworthy.model.kinds.base import Floats


def curves(labels: Floats, scores: Mapping[str, Floats], path: Path) -> None:
    """ROC and precision-recall curves of each model on the same rows."""
    figure, (left, right) = drawing.figure(2)
    for name, values in scores.items():
        false, true = metrics.roc_curve(labels, values)
        left.plot(*_thinned(false, true), label=f"{name} {metrics.roc_auc(labels, values):.4f}")
        precision, recall, _ = metrics.precision_recall(labels, values)
        right.plot(*_thinned(recall, precision), label=name)
    left.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    left.set(title="ROC on the holdout", xlabel="false positive rate", ylabel="true positive rate")
    right.axhline(float(labels.mean()), color="grey", linewidth=0.8, linestyle="--")
    right.set(title="Precision and recall", xlabel="recall", ylabel="precision", ylim=(0, 1.02))
    left.legend(loc="lower right")
    drawing.save(figure, path)


def calibration(labels: Floats, scores: Mapping[str, Floats], path: Path) -> None:
    """Predicted against observed rate in ten bins of equal size, for each model."""
    figure, (axes,) = drawing.figure(1)
    for name, values in scores.items():
        axes.plot(*metrics.calibration(labels, values), marker="o", label=name)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.set(title="Calibration on the holdout", xlabel="predicted rate", ylabel="observed rate")
    axes.legend()
    drawing.save(figure, path)


def _thinned(x: Floats, y: Floats, points: int = 1000) -> tuple[Floats, Floats]:
    kept = np.unique(np.linspace(0, x.size - 1, points).astype(int))
    return x[kept], y[kept]
