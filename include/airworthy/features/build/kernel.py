"""Statistics over a time window that count only what was known when the question was asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def rolling(
    landed_at: NDArray[np.int64],
    values: NDArray[Any],
    query_times: NDArray[np.int64],
    window: int,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count and sum of the events known before each query: ``query - window <= landed_at < query``.

    An event is known from the moment *after* it landed, so an event never counts towards a query of the same
    instant, its own included. Prefix sums and binary search: O((n + q) log n).

    Args:
        landed_at: [n] when each event became known, ascending; any unit.
        values: [n] or [n, k] what it showed; finite.
        query_times: [q] in the unit of ``landed_at``, any order.
        window: length of the window in that unit, more than 0.

    Returns:
        Counts [q], and sums [q] or [q, k].
    """
    prefix = np.zeros((len(values) + 1, *values.shape[1:]), dtype=np.float64)
    np.cumsum(values, axis=0, dtype=np.float64, out=prefix[1:])
    first = np.searchsorted(landed_at, query_times - window, side="left")
    last = np.searchsorted(landed_at, query_times, side="left")
    return last - first, prefix[last] - prefix[first]


def one_axis(entity: NDArray[np.int64], times: NDArray[np.int64], *, start: int, stretch: int) -> NDArray[np.int64]:
    """Times of many entities on one axis, each entity on a stretch of its own: one call of :func:`rolling` for all.

    No window reaches into the stretch before when ``stretch`` is longer than all times and the window together.

    Args:
        entity: [n] codes from 0.
        times: [n] not before ``start``.
        start: where each stretch begins.
        stretch: its length.

    Raises:
        OverflowError: the axis is too long for 64 bits.
    """
    entities = int(entity.max(initial=0)) + 1
    if entities * stretch >= 2**63:
        raise OverflowError(
            f"{entities} entities x {stretch} microseconds do not fit into 64 bits: use more shuffle partitions"
        )
    return entity * stretch + (times - start)
