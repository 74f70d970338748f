"""When a flight was to leave, when its delay is predicted, and when it had landed: all in UTC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipelines.flight_delays.airports import TIME_ZONES, UNKNOWN

MINUTE = 60_000_000  # microseconds
COLUMNS = (
    *("time_hour", "minute", "year", "month", "day"),
    *("sched_arr_time", "dest", "dep_delay", "arr_delay", "air_time"),
)


def departure(flights: pa.RecordBatch) -> NDArray[np.int64]:
    """Scheduled departures, microseconds since 1970: ``time_hour`` is UTC already."""
    hours = flights["time_hour"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    return _numbers(hours, np.int64) + _numbers(flights["minute"], np.int64) * MINUTE


def landing(flights: pa.RecordBatch) -> pa.Array:
    """When each flight had landed: from then on its delay is known. Null: it did not arrive where it should.

    The scheduled arrival, in the destination's time zone, plus the arrival delay; but never before the actual
    departure plus the air time. A destination without a known zone lands too late rather than too early.

    Args:
        flights: :data:`COLUMNS`.

    Returns:
        [n] timestamps, UTC.
    """
    left = departure(flights)
    arrival = _scheduled_arrival(flights, left)
    delay, dep_delay, air_time = (_numbers(flights[c]) for c in ("arr_delay", "dep_delay", "air_time"))
    landed = arrival + np.nan_to_num(delay).astype(np.int64) * MINUTE
    in_the_air = left + np.nan_to_num(dep_delay + air_time).astype(np.int64) * MINUTE
    micros = pa.array(np.maximum(landed, in_the_air), mask=np.isnan(delay))
    return micros.cast(pa.timestamp("us", "UTC"))


def _scheduled_arrival(flights: pa.RecordBatch, left: NDArray[np.int64]) -> NDArray[np.int64]:
    months = (_numbers(flights["year"], np.int64) - 1970) * 12 + _numbers(flights["month"], np.int64) - 1
    midnight = months.astype("M8[M]").astype("M8[D]") + (_numbers(flights["day"], np.int64) - 1)
    hhmm = _numbers(flights["sched_arr_time"], np.int64)
    local = midnight.astype("M8[us]") + (hhmm // 100 * 60 + hhmm % 100) * np.timedelta64(MINUTE, "us")
    zones = np.array([TIME_ZONES.get(dest, UNKNOWN) for dest in flights["dest"].to_pylist()])
    arrival = np.empty(len(left), dtype=np.int64)
    for zone in set(zones.tolist()):
        there = zones == zone
        same_day = _to_utc(local[there], zone)
        # an arrival before the departure belongs to the next day
        next_day = _to_utc(local[there] + np.timedelta64(1, "D"), zone)
        arrival[there] = np.where(same_day > left[there], same_day, next_day)
    return arrival


def _to_utc(local: NDArray[np.datetime64], zone: str) -> NDArray[np.int64]:
    # twice a year an hour exists twice or not at all: the later reading, so that nothing is known too early
    times = pc.assume_timezone(pa.array(local), zone, ambiguous="latest", nonexistent="latest")
    return _numbers(times.cast(pa.int64()), np.int64)


def _numbers(array: pa.Array, kind: Any = np.float64) -> NDArray[Any]:
    return array.to_numpy(zero_copy_only=False).astype(kind)
