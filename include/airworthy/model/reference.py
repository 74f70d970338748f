"""What the training data looked like: frozen bin edges and counts, against which drift is measured later."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1
DECILES = np.linspace(0.1, 0.9, 9)


def describe(columns: dict[str, Any], categorical: tuple[str, ...], numeric: tuple[str, ...]) -> dict[str, Any]:
    """The content of ``reference.json``.

    Args:
        columns: training rows; lists of strings or None, arrays of floats with NaN for missing.
        categorical, numeric: the names to describe.

    Returns:
        For each number ``edges`` (inner decile edges, ascending, without repetition), ``counts`` (one more than
        edges; a value equal to an edge belongs to the bin below it) and ``missing``; for each category ``counts``
        by value, and ``missing``.
    """
    return {
        "format": FORMAT,
        "numeric": {name: histogram(np.asarray(columns[name], np.float64)) for name in numeric},
        "categorical": {name: _shares(columns[name]) for name in categorical},
    }


def histogram(values: NDArray[np.float64]) -> dict[str, Any]:
    """Decile edges of the finite values, and how many lie in each bin."""
    finite = values[np.isfinite(values)]
    edges = np.unique(np.quantile(finite, DECILES)) if finite.size else np.empty(0)
    counts = np.bincount(np.searchsorted(edges, finite, side="left"), minlength=edges.size + 1)
    return {"edges": edges.tolist(), "counts": counts.tolist(), "missing": int(values.size - finite.size)}


def _shares(values: list[str | None]) -> dict[str, Any]:
    counts = Counter(values)
    missing = counts.pop(None, 0)
    return {"counts": {str(k): n for k, n in sorted(counts.items(), key=lambda item: str(item[0]))}, "missing": missing}
