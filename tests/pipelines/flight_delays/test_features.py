"""Features that know the time: nothing of the future, and the same offline as online."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airworthy.spec.pipeline import PipelineSpec
from airworthy_demo.world import World
from pipelines.flight_delays.features import ROLLING, build, request_features

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


Rows = dict[str, dict[str, Any]]


def rows_by(key: str, frame: DataFrame) -> Rows:
    table = frame.toArrow().to_pylist()
    for row in table:
        for name, value in row.items():
            if isinstance(value, datetime):
                row[name] = value.astimezone(UTC)
    return {row[key]: row for row in table}


@pytest.fixture(scope="module")
def whole(spark: SparkSession, raw: dict[str, DataFrame], spec: PipelineSpec) -> Rows:
    """The training table as of the end of the data."""
    return rows_by(spec.key, build(spark, raw, spec, None)["training"])


@pytest.fixture(scope="module")
def planted(whole: Rows) -> dict[str, Any]:
    """A flight in the middle of the second day, whose route is flown again."""
    return next(
        row
        for key, row in sorted(whole.items())
        if key.startswith("2013-01-12-UA") and row["dest"] == "IAH" and row["sched_dep_minute"] > 600
    )


@pytest.fixture(scope="module")
def moment(whole: Rows) -> datetime:
    """The time on the second afternoon at which most predictions are made."""
    afternoon = Counter(
        row["prediction_time"]
        for key, row in whole.items()
        if key.startswith("2013-01-12") and row["sched_dep_minute"] > 840
    )
    return afternoon.most_common(1)[0][0]


@pytest.fixture(scope="module")
def then(spark: SparkSession, raw: dict[str, DataFrame], spec: PipelineSpec, moment: datetime) -> dict[str, DataFrame]:
    """Every table as of that moment."""
    return build(spark, raw, spec, moment)


def features(spec: PipelineSpec, row: dict[str, Any]) -> list[Any]:
    return [row[name] for name in (*spec.features.categorical, *spec.features.numeric)]


def test_a_delay_planted_in_the_future_moves_no_feature_until_it_has_landed(
    spark: SparkSession,
    raw: dict[str, DataFrame],
    spec: PipelineSpec,
    whole: Rows,
    planted: dict[str, Any],
) -> None:
    from pyspark.sql import functions as sf

    _, carrier_flight, origin, hhmm = planted[spec.key].rsplit("-", 3)
    is_planted = (
        (sf.col("day") == 12)
        & (sf.col("flight") == int(carrier_flight[2:]))
        & (sf.col("carrier") == "UA")
        & (sf.col("origin") == origin)
        & (sf.col("sched_dep_time") == int(hhmm))
    )
    delayed = raw["flights"].withColumn("arr_delay", sf.when(is_planted, sf.lit(420.0)).otherwise(sf.col("arr_delay")))
    changed = rows_by(spec.key, build(spark, {**raw, "flights": delayed}, spec, None)["training"])

    landing = changed[planted[spec.key]]["known_at"]
    assert landing - planted["known_at"] > timedelta(hours=5)
    # from its old landing on, its old delay is missing too: only before that is nothing at all different
    before = [key for key, row in whole.items() if row["prediction_time"] <= planted["known_at"]]
    assert len(before) > 1000
    assert [key for key in before if features(spec, whole[key]) != features(spec, changed[key])] == []

    route = (planted["origin"], planted["dest"])
    later = [row for row in changed.values() if row["prediction_time"] > landing]
    after = [row for row in later if (row["origin"], row["dest"]) == route]
    assert after
    for row in after:
        earlier = whole[row[spec.key]]
        assert row["route_mean_delay_7d"] > earlier["route_mean_delay_7d"]
        assert row["carrier_mean_delay_7d"] != earlier["carrier_mean_delay_7d"] or row["carrier"] != "UA"


def test_the_online_views_as_of_a_moment_are_the_features_of_a_flight_asked_about_then(
    spec: PipelineSpec, whole: Rows, moment: datetime, then: dict[str, DataFrame]
) -> None:
    views = {name: rows_by(view.entity, then[name]) for name, view in spec.features.views.items()}
    assert {row["event_timestamp"] for rows in views.values() for row in rows.values()} == {moment}

    asked_then = {key: row for key, row in whole.items() if row["prediction_time"] == moment}
    requests = [r for r in World().requests(date(2013, 1, 12)) if r["key"] in asked_then]
    assert len(requests) == len(asked_then) >= 3
    _, entities = request_features(requests)
    compared = 0
    for request, keys in zip(requests, entities, strict=True):
        for name, view in spec.features.views.items():
            online = views[name].get(keys[view.entity] or "", {})
            for feature in view.features:
                assert online.get(feature) == asked_then[request["key"]][feature], (feature, request)
                compared += online.get(feature) is not None
    assert compared > 20 * len(requests)  # not nulls against nulls


def test_a_table_as_of_a_moment_knows_no_later_label_and_the_same_features(
    spec: PipelineSpec, whole: Rows, moment: datetime, then: dict[str, DataFrame]
) -> None:
    training = rows_by(spec.key, then["training"])
    assert training.keys() == whole.keys()
    for key, row in training.items():
        landed = whole[key]["known_at"] is not None and whole[key]["known_at"] < moment
        assert row["late"] == (whole[key]["late"] if landed else None)
        assert row["known_at"] == (whole[key]["known_at"] if landed else None)
        if row["prediction_time"] <= moment:
            assert features(spec, row) == features(spec, whole[key])


def test_training_sees_what_a_booking_system_would_have_sent(whole: Rows, spec: PipelineSpec) -> None:
    requests = World().requests(date(2013, 1, 11), date(2013, 1, 13))
    own, _ = request_features(requests)
    assert {request["key"] for request in requests} == whole.keys()
    names = [*spec.features.request.categorical, *spec.features.request.numeric]
    for request, found in zip(requests, own, strict=True):
        assert {name: whole[request["key"]][name] for name in names} == found


def test_labels_are_those_of_the_world(whole: Rows) -> None:
    expected = {label["key"]: label["late"] for label in World().labels(date(2013, 1, 11), date(2013, 1, 13))}
    assert {key: row["late"] for key, row in whole.items()} == expected
    assert None in expected.values()  # a cancelled flight


def test_a_rolling_feature_is_the_mean_of_the_flights_landed_before(whole: Rows, spec: PipelineSpec) -> None:
    """One feature of each view, by its definition, over every row of the last day."""
    by_definition = {
        "route_late_rate_7d": (lambda row: (row["origin"], row["dest"]), timedelta(days=7)),
        "carrier_late_rate_1d": (lambda row: row["carrier"], timedelta(days=1)),
        "origin_hour_late_rate_7d": (lambda row: (row["origin"], row["sched_dep_minute"] // 60), timedelta(days=7)),
        "origin_late_rate_3h": (lambda row: row["origin"], timedelta(hours=3)),
    }
    landed = [row for row in whole.values() if row["known_at"] is not None]
    for name, (entity, window) in by_definition.items():
        for row in list(whole.values())[::40]:
            asked = row["prediction_time"]
            seen = [
                other["late"]
                for other in landed
                if entity(other) == entity(row) and asked - window <= other["known_at"] < asked
            ]
            if seen:
                assert math.isclose(row[name], sum(seen) / len(seen), abs_tol=1e-6), (name, row[spec.key])
            else:
                assert row[name] is None


def test_weather_is_the_newest_observation_not_older_than_six_hours(whole: Rows, raw: dict[str, DataFrame]) -> None:
    observed = sorted(
        ((row["origin"], row["time_hour"].timestamp(), row["temp"]) for row in raw["weather"].toArrow().to_pylist()),
    )
    for row in list(whole.values())[::25]:
        asked = row["prediction_time"].timestamp()
        found = [t for origin, at, t in observed if origin == row["origin"] and asked - 6 * 3600 < at <= asked]
        assert row["temp"] == pytest.approx(found[-1], abs=1e-4) if found else row["temp"] is None


def test_the_specification_and_the_code_name_the_same_rolling_features(spec: PipelineSpec) -> None:
    for name, view in ROLLING.items():
        assert spec.features.views[name].entity == view.entity
        assert list(view.features) == spec.features.views[name].features
