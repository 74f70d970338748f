"""The picture of a training, and how every picture of ours is drawn and kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from airworthy.training.loop import Epoch


def training_curve(history: Sequence[Epoch], path: Path) -> None:
    """Loss of training and validation by epoch, and the validation's ROC AUC."""
    drawing, (left, right) = figure(2)
    epochs = [one.epoch + 1 for one in history]
    left.plot(epochs, [one.train_loss for one in history], marker="o", label="training")
    left.plot(epochs, [one.validation_log_loss for one in history], marker="o", label="validation")
    left.set(title="Log loss", xlabel="epoch", ylabel="nats per row", xticks=epochs)
    left.legend()
    right.plot(epochs, [one.validation_roc_auc for one in history], marker="o", color="tab:green")
    right.set(title="Validation ROC AUC", xlabel="epoch", xticks=epochs)
    save(drawing, path)


def figure(columns: int) -> tuple[Any, list[Axes]]:
    """An empty drawing with this many axes beside one another."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # no pyplot: it keeps global state and looks for a display
    drawing = Figure(figsize=(5.5 * columns, 4.2), layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing, [drawing.add_subplot(1, columns, i + 1) for i in range(columns)]


def save(drawing: Any, path: Path) -> None:
    """Write the drawing as PNG, with the folder it belongs in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(path, dpi=110)
