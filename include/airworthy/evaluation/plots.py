"""The pictures of an evaluation, as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airworthy.model.kinds import binary
from airworthy.training import plots

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airworthy.evaluation.document import Slice


def curves(labels: NDArray[Any], scores: Mapping[str, NDArray[Any]], path: Path) -> None:
    """ROC and precision-recall curves of each model on the same rows."""
    figure, (left, right) = plots.figure(2)
    for name, values in scores.items():
        false, true = binary.roc_curve(labels, values)
        left.plot(*_thinned(false, true), label=f"{name} {binary.roc_auc(labels, values):.4f}")
        precision, recall, _ = binary.precision_recall(labels, values)
        right.plot(*_thinned(recall, precision), label=name)
    left.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    left.set(title="ROC on the holdout", xlabel="false positive rate", ylabel="true positive rate")
    right.axhline(float(labels.mean()), color="grey", linewidth=0.8, linestyle="--")
    right.set(title="Precision and recall", xlabel="recall", ylabel="precision", ylim=(0, 1.02))
    left.legend(loc="lower right")
    plots.save(figure, path)


def calibration(labels: NDArray[Any], scores: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Predicted against observed rate in ten bins of equal size, for each model."""
    figure, (axes,) = plots.figure(1)
    for name, values in scores.items():
        axes.plot(*binary.calibration(labels, values), marker="o", label=name)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.set(title="Calibration on the holdout", xlabel="predicted rate", ylabel="observed rate")
    axes.legend()
    plots.save(figure, path)


def slices(parts: Sequence[Slice], required: float, path: Path) -> None:
    """ROC AUC of each slice, with the gate's bound."""
    figure, (axes,) = plots.figure(1)
    names = [f"{part.column}={part.value} ({part.candidate.rows:,})" for part in parts]
    axes.barh(names, [part.candidate.roc_auc or 0.0 for part in parts])
    axes.axvline(required, color="tab:red", linewidth=1, label=f"gate {required:g}")
    axes.axvline(0.5, color="grey", linewidth=0.8, linestyle="--")
    axes.set(title="ROC AUC by slice", xlim=(0.4, 1.0))
    axes.legend(loc="lower right")
    plots.save(figure, path)


def _thinned(x: NDArray[Any], y: NDArray[Any], points: int = 1000) -> tuple[NDArray[Any], NDArray[Any]]:
    kept = np.unique(np.linspace(0, x.size - 1, points).astype(int))
    return x[kept], y[kept]
