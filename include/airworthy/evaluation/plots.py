"""The pictures of an evaluation, as PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airworthy.model.kinds import drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airworthy.evaluation.document import Slice
    from airworthy.spec.gates import MetricGates
    from airworthy.spec.tasks import Metric


def slices(parts: Sequence[Slice], metric: Metric, bounds: MetricGates, path: Path) -> None:
    """A metric of each slice, with the gate's bound and what a model gets that knows nothing."""
    figure, (axes,) = drawing.figure(1)
    names = [f"{part.column}={part.value} ({part.candidate.rows:,})" for part in parts]
    axes.barh(names, [part.candidate[metric.name] or 0.0 for part in parts])
    required = bounds.min_in_slices if metric.higher_is_better else bounds.max_in_slices
    if required is not None:
        axes.axvline(required, color="tab:red", linewidth=1, label=f"gate {required:g}")
        axes.legend(loc="lower right")
    if metric.knows_nothing is not None:
        axes.axvline(metric.knows_nothing, color="grey", linewidth=0.8, linestyle="--")
        axes.set_xlim(left=metric.knows_nothing - 0.1)
    axes.set(title=f"{metric.title} by slice")
    drawing.save(figure, path)
