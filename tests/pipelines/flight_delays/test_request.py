"""What serving makes of a request."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from airworthy.spec.pipeline import PipelineSpec
from airworthy_demo.world import World
from pipelines.flight_delays.request import RequestError, flight_id, prediction_times, request_features

FLIGHT = {
    "key": "2013-07-04-UA1545-EWR-0615",
    "carrier": "UA",
    "flight": 1545,
    "tailnum": "N14228",
    "origin": "EWR",
    "dest": "IAH",
    "sched_dep": "2013-07-04T06:15:00-04:00",
    "distance": 1400,
}


def test_features_and_entities_of_a_flight() -> None:
    (features,), (entities,) = request_features([FLIGHT])
    assert features == {
        "carrier": "UA",
        "origin": "EWR",
        "dest": "IAH",
        "sched_dep_minute": 375,
        "day_of_week": 4,
        "distance": 1400,
    }
    assert entities == {
        "route": "EWR-IAH",
        "carrier": "UA",
        "origin_hour": "EWR-06",
        "origin": "EWR",
        "tailnum": "N14228",
    }


@pytest.mark.parametrize("same", ["2013-07-04T10:15:00Z", "2013-07-04T05:15:00-05:00", "2013-07-04T12:15+02:00"])
def test_the_schedule_is_local_to_the_origin_whatever_offset_it_comes_in(same: str) -> None:
    assert request_features([{**FLIGHT, "sched_dep": same}]) == request_features([FLIGHT])


def test_features_are_those_of_the_specification(spec: PipelineSpec) -> None:
    (features,), (entities,) = request_features([FLIGHT])
    assert set(features) == {*spec.features.request.categorical, *spec.features.request.numeric}
    assert set(entities) == {view.entity for view in spec.features.views.values()}


def test_an_unknown_aircraft_or_origin_leaves_nothing_to_look_up() -> None:
    _, (entities,) = request_features([{"sched_dep": "2013-07-04T10:15:00Z", "carrier": "UA", "tailnum": ""}])
    assert entities == {"route": None, "carrier": "UA", "origin_hour": None, "origin": None, "tailnum": None}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sched_dep", None),
        ("sched_dep", ""),
        ("sched_dep", "2013-07-04T06:15:00"),  # no offset: whose clock?
        ("sched_dep", "yesterday"),
        ("sched_dep", 1372932900),
        ("distance", "far"),
        ("distance", True),
        ("carrier", 7),
        ("tailnum", ["N14228"]),
    ],
)
def test_a_bad_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(RequestError, match=field):
        request_features([{**FLIGHT, field: value}])


def test_the_prediction_is_made_before_the_departure() -> None:
    departure = 1372932900.0  # 2013-07-04T10:15:00Z
    assert prediction_times([FLIGHT], 120) == [departure - 7200]
    with pytest.raises(RequestError, match="sched_dep"):
        prediction_times([{}], 120)


def test_every_request_of_the_world_has_features_and_the_key_of_its_flight() -> None:
    requests = World().requests(date(2013, 3, 9), date(2013, 3, 11))  # the clocks change on the 10th
    features, entities = request_features(requests)
    assert len(features) == len(entities) == len(requests) > 2000
    for request, own in zip(requests, features, strict=True):
        hhmm = own["sched_dep_minute"] // 60 * 100 + own["sched_dep_minute"] % 60
        day = request["sched_dep"][:10]
        assert request["key"] == flight_id(day, request["carrier"], request["flight"], request["origin"], hhmm)
