"""The rolling features of one partition, against what one would count by hand: no Spark."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from math import nan
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airworthy.features.build.rolling import Count, Mean, RollingView, WindowStatistics

HOUR = 3_600_000_000  # microseconds
VIEWS = [
    RollingView("route", {"mean_2h": Mean("delay", timedelta(hours=2)), "count_3h": Count(timedelta(hours=3))}),
    RollingView("carrier", {"count_1h": Count(timedelta(hours=1))}),
]
#: view, entity, hour of the question, hour from which the outcome is known (None: never), delay
Row = tuple[int, str, float, float | None, float]


def partition(rows: Iterable[Row], as_of: float = 10) -> list[dict[str, Any]]:
    """What the workers answer; the key of row number i is ``str(i)``."""
    rows = list(rows)
    table = pa.table(
        {
            "view": pa.array([row[0] for row in rows], pa.int32()),
            "entity": pa.array([row[1] for row in rows], pa.string()),
            "key": pa.array([str(i) for i in range(len(rows))], pa.string()),
            "asked_at": pa.array([int(row[2] * HOUR) for row in rows], pa.int64()),
            "known_at": pa.array([None if row[3] is None else int(row[3] * HOUR) for row in rows], pa.int64()),
            "delay": pa.array([None if row[3] is None else row[4] for row in rows], pa.float64()),
        }
    )
    statistics = WindowStatistics(VIEWS, int(as_of * HOUR))
    answers = list(statistics.of_partition(iter(table.to_batches(max_chunksize=2))))
    return pa.Table.from_batches(answers).to_pylist() if answers else []


def by_key(answers: list[dict[str, Any]]) -> dict[str, tuple[float | None, float | None]]:
    return {row["key"]: (row["f0"], row["f1"]) for row in answers if row["key"] is not None}


def by_entity(answers: list[dict[str, Any]]) -> dict[tuple[int, str], tuple[float | None, float | None]]:
    return {(row["view"], row["entity"]): (row["f0"], row["f1"]) for row in answers if row["key"] is None}


def numbers(values: tuple[float | None, float | None]) -> tuple[float, ...]:
    return tuple(nan if value is None else value for value in values)


def test_an_event_counts_from_when_it_was_known_and_only_for_its_entity() -> None:
    rows = [(0, "a", 0, 1, 30.0), (0, "a", 0.9, None, 0), (0, "a", 2, 4, 10.0), (0, "b", 2, None, 0)]
    assert by_key(partition(rows)) == {"0": (None, None), "1": (None, None), "2": (30.0, 1.0), "3": (None, None)}


@pytest.mark.parametrize(("asked", "mean", "count"), [(1, None, None), (1.01, 30.0, 1), (3, 30.0, 1), (3.01, None, 1)])
def test_an_event_of_the_same_instant_is_not_known_yet_and_one_at_the_windows_edge_is(
    asked: float, mean: float | None, count: float | None
) -> None:
    assert by_key(partition([(0, "a", 0, 1, 30.0), (0, "a", asked, None, 0)]))["1"] == (mean, count)


def test_every_entity_is_asked_as_of_the_end_too() -> None:
    answers = partition([(0, "a", 0, 9, 10.0), (0, "a", 0, 9.5, 20.0), (0, "b", 0, 5, 9.0), (1, "a", 0, 9.5, 0)])
    assert by_entity(answers) == {(0, "a"): (15.0, 2.0), (0, "b"): (None, None), (1, "a"): (1.0, None)}


def test_an_empty_partition_answers_nothing() -> None:
    assert partition([]) == []


HOURS = st.integers(0, 12)
ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from("abc"), HOURS, st.none() | HOURS, st.integers(-5, 60).map(float)),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=60)
@given(ROWS, HOURS)
def test_it_is_what_one_would_count_by_hand(rows: list[Row], as_of: int) -> None:
    def expected(view: int, entity: str, at: float) -> tuple[float, float]:
        def known(window: float) -> list[float]:
            mine = [row for row in rows if row[:2] == (view, entity)]
            return [row[4] for row in mine if row[3] is not None and at - window <= row[3] < at]

        if view == 1:
            return (len(known(1)) or nan, nan)
        delays = known(2)
        return (sum(delays) / len(delays) if delays else nan, len(known(3)) or nan)

    answers = partition(rows, as_of)
    found = by_key(answers)
    assert len(found) == len(rows)
    for i, (view, entity, asked, _, _) in enumerate(rows):
        assert numbers(found[str(i)]) == pytest.approx(expected(view, entity, asked), rel=1e-6, nan_ok=True), i
    latest = by_entity(answers)
    assert set(latest) == {(row[0], row[1]) for row in rows}
    for (view, entity), values in latest.items():
        assert numbers(values) == pytest.approx(expected(view, entity, as_of), rel=1e-6, nan_ok=True)
