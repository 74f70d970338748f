"""How every picture of ours is drawn and kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
