"""Landings, from which on a delay is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from airworthy_demo.world import World
from pipelines.flight_delays.airports import TIME_ZONES
from pipelines.flight_delays.times import COLUMNS, departure, landing

# 2013-01-01 05:15 New York to Houston (one hour behind), due 08:19 there; left at 05:17, came 11 minutes late
FLIGHT: dict[str, Any] = {
    "time_hour": datetime(2013, 1, 1, 10, tzinfo=UTC),
    "minute": 15,
    "year": 2013,
    "month": 1,
    "day": 1,
    "sched_arr_time": 819,
    "dest": "IAH",
    "dep_delay": 2.0,
    "arr_delay": 11.0,
    "air_time": 227.0,
}


def landed(**changes: Any) -> datetime | None:
    table = pa.Table.from_pylist([{**FLIGHT, **changes}])
    table = table.set_column(0, "time_hour", table["time_hour"].cast(pa.timestamp("us", "UTC")))
    for i, name in enumerate(table.column_names):
        if pa.types.is_null(table[name].type):
            table = table.set_column(i, name, table[name].cast(pa.float64()))
    return landing(table.combine_chunks().to_batches()[0])[0].as_py()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


def test_the_scheduled_arrival_is_in_the_destinations_time() -> None:
    assert landed() == utc(2013, 1, 1, 14, 30)  # 08:30 in Houston


def test_an_arrival_after_midnight_belongs_to_the_next_day() -> None:
    evening = {"time_hour": utc(2013, 1, 2, 4), "minute": 0, "dest": "LAX", "sched_arr_time": 215}
    assert landed(**evening, arr_delay=-5.0, air_time=300.0) == utc(2013, 1, 2, 10, 10)


def test_a_landing_is_never_before_departure_plus_time_in_the_air() -> None:
    assert landed(arr_delay=-170.0) == utc(2013, 1, 1, 10, 15) + timedelta(minutes=2 + 227)


@pytest.mark.parametrize("missing", [{"arr_delay": None}, {"arr_delay": None, "dep_delay": None, "air_time": None}])
def test_a_diverted_or_cancelled_flight_never_lands(missing: dict[str, None]) -> None:
    assert landed(**missing) is None


def test_an_unknown_destination_lands_too_late_rather_than_too_early() -> None:
    late = landed(dest="XXX")
    assert late is not None
    assert all(late >= (landed(dest=known) or late) for known in TIME_ZONES)


def test_an_hour_that_exists_twice_is_read_as_the_later_one() -> None:
    """On 3 November 2013, 01:30 came twice in New York: 05:30 and 06:30 UTC."""
    night = {"time_hour": utc(2013, 11, 3, 1), "minute": 0, "month": 11, "day": 2, "dest": "MIA"}
    assert landed(**night, sched_arr_time=130, arr_delay=0.0, air_time=100.0) == utc(2013, 11, 3, 6, 30)


def test_every_destination_of_the_year_has_a_time_zone() -> None:
    assert set(World()._flights["dest"].unique().to_pylist()) <= set(TIME_ZONES)


def test_landings_of_the_whole_year_show_the_wall_clock_that_the_data_recorded() -> None:
    """``arr_time``, which the landing does not use, is the actual arrival in local time."""
    flights = World()._flights.combine_chunks()
    batch = flights.select(list(COLUMNS)).to_batches()[0]
    arrived = landing(batch)
    left = pa.array(departure(batch)).cast(arrived.type)
    agree, known = 0, 0
    for zone in set(TIME_ZONES.values()):
        there = pc.is_in(flights["dest"], pa.array([code for code, z in TIME_ZONES.items() if z == zone]))
        mask = pc.and_(there, pc.is_valid(flights["arr_delay"]))
        local = pc.local_timestamp(arrived.filter(mask).cast(pa.timestamp("us", zone)))
        hhmm = pc.add(pc.multiply(pc.hour(local), 100), pc.minute(local))
        recorded = pc.cast(flights["arr_time"].filter(mask), pa.int64())
        agree += pc.sum(pc.equal(hhmm, pc.if_else(pc.equal(recorded, 2400), 0, recorded))).as_py()
        known += len(hhmm)
    assert known == 327_346
    assert agree / known > 0.99  # the rest took longer in the air than their recorded arrival allows
    assert pc.all(pc.greater(arrived, left)).as_py()
