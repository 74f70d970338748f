"""The replayed world: daily files, booking requests, late labels."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from airworthy_demo.world import World, WorldMissing

FIRST, SECOND = date(2013, 1, 1), date(2013, 1, 2)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_the_year_is_complete_and_every_flight_has_its_own_key(world: World) -> None:
    assert len(world.days) == 365
    keys = world._flights["key"].to_pylist()
    assert len(keys) == len(set(keys)) == 336_776
    # the raw contract and the features build the key from these columns
    assert keys[0] == "2013-01-01-UA1545-EWR-0515"


def test_landed_files_hold_the_original_rows_and_landing_again_writes_nothing(world: World, tmp_path: Path) -> None:
    written = world.land(str(tmp_path), FIRST, SECOND)
    assert written == [
        "flights/2013-01-01.csv",
        "flights/2013-01-02.csv",
        "weather/2013-01-01.csv",
        "weather/2013-01-02.csv",
        "planes/planes.csv",
    ]
    lines = (tmp_path / "flights/2013-01-01.csv").read_text().splitlines()
    assert len(lines) == 1 + 842
    assert lines[0].endswith("hour,minute,time_hour") and lines[1].endswith("2013-01-01T10:00:00Z")
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == sorted(Path(w).name for w in written)
    assert world.land(str(tmp_path), FIRST, SECOND) == []


def test_a_damaged_landed_file_is_written_again(world: World, tmp_path: Path) -> None:
    world.land(str(tmp_path), FIRST, FIRST)
    file = tmp_path / "flights/2013-01-01.csv"
    whole = file.read_bytes()
    file.write_bytes(whole[:1000])
    assert world.land(str(tmp_path), FIRST, FIRST) == ["flights/2013-01-01.csv"]
    assert file.read_bytes() == whole


def test_requests_come_in_the_order_of_departure_and_carry_no_outcome(world: World) -> None:
    requests = world.requests(FIRST, SECOND)
    assert len(requests) == 842 + 943
    departures = [datetime.fromisoformat(r["sched_dep"]) for r in requests]
    assert departures == sorted(departures)
    assert requests[0] == {
        "key": "2013-01-01-UA1545-EWR-0515",
        "carrier": "UA",
        "flight": 1545,
        "tailnum": "N14228",
        "origin": "EWR",
        "dest": "IAH",
        "sched_dep": "2013-01-01T05:15:00-05:00",
        "distance": 1400,
    }


def test_departures_are_right_in_utc_on_both_sides_of_the_clock_change(world: World) -> None:
    winter, summer = world.requests(date(2013, 3, 9))[0], world.requests(date(2013, 3, 10))[0]
    assert winter["sched_dep"].endswith("-05:00") and summer["sched_dep"].endswith("-04:00")
    hours = dict(zip(world._flights["key"].to_pylist(), world._flights["time_hour"].to_pylist(), strict=True))
    for request in (winter, summer):
        at = datetime.fromisoformat(request["sched_dep"]).astimezone(UTC)
        assert at.replace(minute=0) == hours[request["key"]]


def test_labels_match_the_requests_and_a_cancelled_flight_has_none(world: World) -> None:
    labels = world.labels(FIRST)
    assert [label["key"] for label in labels] == [request["key"] for request in world.requests(FIRST)]
    assert {label["late"] for label in labels} == {0, 1, None}
    assert all((label["late"] == 1) == (label["arr_delay"] >= 15) for label in labels if label["late"] is not None)


def test_a_day_outside_the_world_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(WorldMissing, match="no flights from 2014-01-01"):
        world.land(str(tmp_path), date(2014, 1, 1), date(2014, 1, 31))
    with pytest.raises(WorldMissing, match="2012"):
        world.requests(date(2012, 1, 1))
