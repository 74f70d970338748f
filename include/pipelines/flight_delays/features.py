"""What is known about a flight two hours before it leaves: from the booking, from the lake, as of then."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from airworthy.features.build.rolling import Count, Mean, RollingView, latest_observation, rolling_features
from pipelines.flight_delays.request import (
    ENTITIES,
    HOME_ZONE,
    REQUEST_EXAMPLE,
    flight_id,
    prediction_times,
    request_features,
)
from pipelines.flight_delays.times import COLUMNS, MINUTE, departure, landing

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame, SparkSession

    from airworthy.spec.pipeline import PipelineSpec

# what the project asks this module for: the feature build wants `build`, serving the others
__all__ = ["REQUEST_EXAMPLE", "build", "prediction_times", "request_features"]

LATE_MINUTES = 15
WEATHER_MAX_AGE = timedelta(hours=6)


def _mean_delay(**window: float) -> Mean:
    return Mean("arr_delay", timedelta(**window))


def _late_rate(**window: float) -> Mean:
    return Mean("late", timedelta(**window))


ROLLING = {
    "route_stats": RollingView(
        "route",
        {
            "route_mean_delay_7d": _mean_delay(days=7),
            "route_late_rate_7d": _late_rate(days=7),
            "route_late_rate_30d": _late_rate(days=30),
            "route_flights_7d": Count(timedelta(days=7)),
        },
    ),
    "carrier_stats": RollingView(
        "carrier",
        {
            "carrier_mean_delay_1d": _mean_delay(days=1),
            "carrier_late_rate_1d": _late_rate(days=1),
            "carrier_mean_delay_7d": _mean_delay(days=7),
            "carrier_late_rate_7d": _late_rate(days=7),
        },
    ),
    "origin_hour_stats": RollingView(
        "origin_hour",
        {
            "origin_hour_mean_delay_7d": _mean_delay(days=7),
            "origin_hour_late_rate_7d": _late_rate(days=7),
            "origin_hour_late_rate_30d": _late_rate(days=30),
        },
    ),
    "origin_stats": RollingView(
        "origin",
        {
            "origin_mean_delay_3h": _mean_delay(hours=3),
            "origin_late_rate_3h": _late_rate(hours=3),
            "origin_late_rate_1d": _late_rate(days=1),
        },
    ),
    "aircraft_stats": RollingView(
        "tailnum",
        {
            "aircraft_mean_delay_1d": _mean_delay(days=1),
            "aircraft_late_rate_7d": _late_rate(days=7),
            "aircraft_flights_7d": Count(timedelta(days=7)),
        },
    ),
}


def build(
    spark: SparkSession, raw: dict[str, DataFrame], spec: PipelineSpec, as_of: datetime | None
) -> dict[str, DataFrame]:
    """The training table and every feature view, as anyone could have computed them at ``as_of``.

    A flight's delay counts from its landing; one that lands at or after ``as_of`` has no label yet. Cancelled and
    diverted flights never get one, and count in no mean.

    Args:
        spark: the session the raw frames belong to.
        raw: ``flights``, ``weather`` and ``planes``, one row per source key.
        spec: names of the key, the times, the label and the features.
        as_of: with a zone. None, or later than the newest landing: just after that one, since features as of a later
            time would describe a world in which flights stopped.

    Returns:
        ``training``: key, times, features, label and ``month``; and each view: its entity, ``event_timestamp``
        (the time it is as of) and its features.
    """
    from pyspark.sql import functions as sf

    every = _per_flight(raw["flights"], spec).persist()
    until = _newest(every, spec)
    as_of = min(as_of, until) if as_of else until
    flights = _as_known(every, spec, as_of)
    rolled = rolling_features(
        flights, ROLLING, key=spec.key, asked_at=spec.prediction_time, known_at=spec.known_at, as_of=as_of
    )
    planes = raw["planes"].select("tailnum", sf.col("year").alias("plane_year"), sf.col("seats"))
    aircraft = flights.join(sf.broadcast(planes), "tailnum", "left").select(
        "*", *_aircraft(sf.col(spec.prediction_time))
    )
    now = sf.lit(as_of)
    weather = partial(
        latest_observation,
        observations=raw["weather"],
        entity="origin",
        observed_at="time_hour",
        max_age=WEATHER_MAX_AGE,
        features=spec.features.views["weather"].features,
    )
    observed = weather(aircraft, asked_at=spec.prediction_time)
    # hashed, not sorted: both sides are far smaller than memory
    training = observed.join(rolled.by_row.hint("shuffle_hash"), spec.key, "left").select(
        spec.key,
        spec.event_time,
        spec.prediction_time,
        spec.known_at,
        *spec.features.categorical,
        *(sf.col(name).cast("float").alias(name) for name in spec.features.numeric),
        sf.col("late").cast("int").alias(spec.label.name),
        sf.date_format(spec.event_time, "yyyyMM").cast("int").alias("month"),
    )
    origins = flights.select("origin").where("origin is not null").distinct().withColumn("event_timestamp", now)
    views = {
        **rolled.latest,
        "aircraft": planes.withColumn("event_timestamp", now).select("tailnum", "event_timestamp", *_aircraft(now)),
        "weather": weather(origins, asked_at="event_timestamp"),
    }
    return {
        "training": training,
        **{
            name: views[name].select(view.entity, "event_timestamp", *view.features)
            for name, view in spec.features.views.items()
        },
    }


def _newest(flights: DataFrame, spec: PipelineSpec) -> datetime:
    """Just after the newest landing; the newest departure where nothing has landed."""
    from pyspark.sql import functions as sf

    row = flights.agg(sf.unix_micros(sf.coalesce(sf.max(spec.known_at), sf.max(spec.event_time)))).first()
    newest = 0 if row is None or row[0] is None else row[0]
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=newest + 1)


def _as_known(flights: DataFrame, spec: PipelineSpec, as_of: datetime) -> DataFrame:
    """Without what nobody knew at ``as_of``: landings still to come."""
    from pyspark.sql import functions as sf

    landed = sf.col(spec.known_at) < sf.lit(as_of)
    return flights.withColumns(
        {
            "late": sf.when(landed, sf.col("late")),
            "arr_delay": sf.when(landed, sf.col("arr_delay")),
            spec.known_at: sf.when(landed, sf.col(spec.known_at)),
        }
    )


def _per_flight(flights: DataFrame, spec: PipelineSpec) -> DataFrame:
    """Key, times, outcome, and what :func:`request_features` makes of each flight: one definition, run twice."""
    from pyspark.sql import functions as sf

    columns = ["carrier", "flight", "origin", "tailnum", "distance", "sched_dep_time", *COLUMNS]
    numeric = spec.features.request.numeric
    strings = list(dict.fromkeys([*spec.features.request.categorical, *ENTITIES]))
    times = [spec.event_time, spec.prediction_time, spec.known_at]
    lead = spec.prediction_lead_minutes * MINUTE

    def derive(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        instant = pa.timestamp("us", "UTC")
        for batch in batches:
            leaves = departure(batch)
            iso = np.datetime_as_string(leaves.astype("M8[us]"), unit="s").tolist()
            requests = [{**row, "sched_dep": f"{t}Z"} for row, t in zip(batch.to_pylist(), iso, strict=True)]
            features, keys = request_features(requests)
            derived = [{**own, **entities} for own, entities in zip(features, keys, strict=True)]
            arrays = [
                pa.array([_key(row) for row in requests], pa.string()),
                pa.array(leaves).cast(instant),
                pa.array(leaves - lead).cast(instant),
                landing(batch),
                batch["arr_delay"].cast(pa.float64()),
                *(pa.array([row[name] for row in derived], pa.string()) for name in strings),
                *(pa.array([row[name] for row in derived], pa.float32()) for name in numeric),
            ]
            yield pa.RecordBatch.from_arrays(arrays, names=[spec.key, *times, "arr_delay", *strings, *numeric])

    ddl = [
        f"{spec.key} string",
        *(f"{name} timestamp" for name in times),
        "arr_delay double",
        *(f"{name} string" for name in strings),
        *(f"{name} float" for name in numeric),
    ]
    known = flights.select(*dict.fromkeys(columns)).mapInArrow(derive, ", ".join(ddl))
    return known.withColumn("late", (sf.col("arr_delay") >= LATE_MINUTES).cast("int"))


def _key(row: dict[str, Any]) -> str:
    day = f"{row['year']:04d}-{row['month']:02d}-{row['day']:02d}"
    return flight_id(day, row["carrier"], row["flight"], row["origin"], row["sched_dep_time"])


def _aircraft(at: Column) -> list[Column]:
    from pyspark.sql import functions as sf

    age = sf.year(sf.from_utc_timestamp(at, HOME_ZONE.key)) - sf.col("plane_year")
    return [
        sf.when(age >= 0, age).cast("float").alias("aircraft_age"),
        sf.col("seats").cast("float").alias("aircraft_seats"),
    ]
