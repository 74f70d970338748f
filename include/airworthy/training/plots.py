"""The pictures of a training and its evaluation, as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airworthy.model.kinds import binary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from airworthy.evaluation.document import Slice
    from airworthy.training.loop import Epoch


def training_curve(history: Sequence[Epoch], path: Path) -> None:
    """Loss of training and validation by epoch, and the validation's ROC AUC."""
    figure, (left, right) = _figure(2)
    epochs = [one.epoch + 1 for one in history]
    left.plot(epochs, [one.train_loss for one in history], marker="o", label="training")
    left.plot(epochs, [one.validation_log_loss for one in history], marker="o", label="validation")
    left.set(title="Log loss", xlabel="epoch", ylabel="nats per row", xticks=epochs)
    left.legend()
    right.plot(epochs, [one.validation_roc_auc for one in history], marker="o", color="tab:green")
    right.set(title="Validation ROC AUC", xlabel="epoch", xticks=epochs)
    _save(figure, path)


def curves(labels: NDArray[Any], scores: Mapping[str, NDArray[Any]], path: Path) -> None:
    """ROC and precision-recall curves of each model on the same rows."""
    figure, (left, right) = _figure(2)
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
    _save(figure, path)


def calibration(labels: NDArray[Any], scores: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Predicted against observed rate in ten bins of equal size, for each model."""
    figure, (axes,) = _figure(1)
    for name, values in scores.items():
        axes.plot(*binary.calibration(labels, values), marker="o", label=name)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8, linestyle="--")
    axes.set(title="Calibration on the holdout", xlabel="predicted rate", ylabel="observed rate")
    axes.legend()
    _save(figure, path)


def slices(parts: Sequence[Slice], required: float, path: Path) -> None:
    """ROC AUC of each slice, with the gate's bound."""
    figure, (axes,) = _figure(1)
    names = [f"{part.column}={part.value} ({part.candidate.rows:,})" for part in parts]
    axes.barh(names, [part.candidate.roc_auc or 0.0 for part in parts])
    axes.axvline(required, color="tab:red", linewidth=1, label=f"gate {required:g}")
    axes.axvline(0.5, color="grey", linewidth=0.8, linestyle="--")
    axes.set(title="ROC AUC by slice", xlim=(0.4, 1.0))
    axes.legend(loc="lower right")
    _save(figure, path)


def _thinned(x: NDArray[Any], y: NDArray[Any], points: int = 1000) -> tuple[NDArray[Any], NDArray[Any]]:
    kept = np.unique(np.linspace(0, x.size - 1, points).astype(int))
    return x[kept], y[kept]


def _figure(columns: int) -> tuple[Any, list[Axes]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # no pyplot: it keeps global state and looks for a display
    figure = Figure(figsize=(5.5 * columns, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(1, columns, i + 1) for i in range(columns)]


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
