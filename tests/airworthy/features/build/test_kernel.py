"""The kernel against the definition of what it computes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.features.build.kernel import one_axis, rolling

# few different times, so that ties and window edges are common
times = st.integers(-20, 20)
events = st.lists(st.tuples(times, st.integers(-100, 100)), max_size=30)
windows = st.integers(1, 15)


def by_definition(found: list[tuple[int, int]], query: int, window: int) -> tuple[int, float]:
    values = [value for landed, value in found if query - window <= landed < query]
    return len(values), float(sum(values))


@given(events, st.lists(times, max_size=20), windows)
def test_counts_and_sums_exactly_the_events_of_the_window(
    found: list[tuple[int, int]], queries: list[int], window: int
) -> None:
    ordered = sorted(found)
    count, total = rolling(
        np.array([t for t, _ in ordered], dtype=np.int64),
        np.array([v for _, v in ordered], dtype=np.float64),
        np.array(queries, dtype=np.int64),
        window,
    )
    assert list(zip(count.tolist(), total.tolist(), strict=True)) == [by_definition(found, q, window) for q in queries]


@given(events, times, windows, times)
def test_an_event_that_lands_at_or_after_the_query_changes_nothing(
    found: list[tuple[int, int]], query: int, window: int, delay: int
) -> None:
    def ask(rows: list[tuple[int, int]]) -> tuple[int, float]:
        ordered = sorted(rows)
        landed, values = (np.array([row[i] for row in ordered], dtype=np.int64) for i in (0, 1))
        count, total = rolling(landed, values, np.array([query]), window)
        return int(count[0]), float(total[0])

    assert ask([*found, (query + abs(delay), 9999)]) == ask(found)


def test_several_values_at_once() -> None:
    count, total = rolling(np.array([1, 2, 3]), np.array([[1, 10], [2, 20], [3, 30]]), np.array([3, 10]), 5)
    assert count.tolist() == [2, 0]
    assert total.tolist() == [[3, 30], [0, 0]]


def test_no_event_at_all() -> None:
    count, total = rolling(np.array([], dtype=np.int64), np.array([]), np.array([5]), 3)
    assert (count.tolist(), total.tolist()) == ([0], [0.0])


@given(
    st.lists(st.tuples(st.integers(0, 4), times, st.integers(-100, 100)), max_size=40),
    st.lists(st.tuples(st.integers(0, 4), times), min_size=1, max_size=20),
    windows,
)
def test_many_entities_on_one_axis_do_not_see_each_other(
    found: list[tuple[int, int, int]], queries: list[tuple[int, int]], window: int
) -> None:
    stretch = 40 + window + 1
    landed = one_axis(
        np.array([e for e, _, _ in found], dtype=np.int64),
        np.array([t for _, t, _ in found], dtype=np.int64),
        start=-20,
        stretch=stretch,
    )
    order = np.argsort(landed, kind="stable")
    asked = one_axis(np.array([e for e, _ in queries]), np.array([t for _, t in queries]), start=-20, stretch=stretch)
    values = np.array([v for _, _, v in found], dtype=np.float64)
    count, total = rolling(landed[order], values[order], asked, window)
    expected = [
        by_definition([(t, v) for entity, t, v in found if entity == asker], query, window) for asker, query in queries
    ]
    assert list(zip(count.tolist(), total.tolist(), strict=True)) == expected


def test_an_axis_too_long_for_64_bits_is_refused() -> None:
    with pytest.raises(OverflowError, match="more shuffle partitions"):
        one_axis(np.array([2**20]), np.array([0]), start=0, stretch=2**43)
