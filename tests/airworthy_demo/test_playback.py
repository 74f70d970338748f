"""A playback is checked once, when it is made."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from airworthy_demo.playback import Pace, Playback, PlaybackInvalid, parse_day, parse_speed

FIRST, SECOND = date(2013, 9, 1), date(2013, 9, 2)


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"first": SECOND, "last": FIRST}, "2013-09-01 before the first 2013-09-02"),
        ({"limit": -1}, "limit -1"),
        ({"days_per_minute": -2.0}, "speed -2.0"),
        ({"days_per_minute": float("nan")}, "speed nan"),
    ],
)
def test_a_playback_that_makes_no_sense_is_refused_with_the_value(options: dict[str, Any], seen: str) -> None:
    with pytest.raises(PlaybackInvalid, match=seen):
        Playback(**{"first": FIRST, **options})


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({"rate": 0.0}, "rate 0.0"),
        ({"concurrency": 0}, "concurrency 0"),
        ({"batch": 0}, "batch 0"),
        ({"batch": 1001}, "batch 1001, expected 1 to 1000"),
        ({"patience_seconds": -1.0}, "patience -1.0 s"),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused_with_the_value(options: dict[str, Any], seen: str) -> None:
    with pytest.raises(PlaybackInvalid, match=seen):
        Pace(**options)


def test_without_a_last_day_one_day_is_played() -> None:
    assert Playback(FIRST).end == FIRST
    assert Playback(FIRST, SECOND).end == SECOND


def test_by_the_clock_a_flight_asks_at_its_time_of_day_and_else_at_once() -> None:
    departure = datetime.fromisoformat("2013-09-02T06:00:00-04:00")
    assert Playback(FIRST, SECOND, days_per_minute=2).due(departure, 1) == pytest.approx(1.25 * 30)
    assert Playback(FIRST, SECOND).due(departure, 1) == 0.0


def test_days_and_speeds_are_read_as_people_write_them() -> None:
    assert parse_day("2013-09-01") == FIRST
    assert (parse_speed("max"), parse_speed("2.5")) == (0.0, 2.5)
    with pytest.raises(PlaybackInvalid, match="'yesterday'"):
        parse_day("yesterday")
    with pytest.raises(PlaybackInvalid, match="'fast'"):
        parse_speed("fast")
