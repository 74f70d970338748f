"""What a prediction request says itself: serving's hot path, and the same for training."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from airworthy.errors import AirworthyError

HOME_ZONE = ZoneInfo("America/New_York")  # of all three origins
ENTITIES = ("route", "carrier", "origin_hour", "origin", "tailnum")

#: One instance of a prediction request, for the service's documents.
REQUEST_EXAMPLE = {
    "key": "2013-09-01-UA-1545-EWR-0515",
    "carrier": "UA",
    "flight": 1545,
    "tailnum": "N14228",
    "origin": "EWR",
    "dest": "IAH",
    "sched_dep": "2013-09-01T05:15:00-04:00",
    "distance": 1400,
}


class RequestError(AirworthyError):
    """A prediction request that cannot be answered; names the field."""


def request_features(
    requests: list[dict[str, Any]],
) -> tuple[list[dict[str, Any]], list[dict[str, str | None]]]:
    """The features a request carries itself, and the keys of everything to look up for it.

    The one definition of both, for serving and for training (where Spark's workers call it); about three microseconds
    a request.

    Args:
        requests: flights as a booking system knows them: ``carrier``, ``origin``, ``dest`` (codes), ``sched_dep``
            (ISO 8601 with an offset or Z), ``distance`` (miles), ``tailnum`` (may be missing or null).

    Returns:
        Per request its features (categorical ones null when missing) and ``{entity: key}`` (null: nothing to look up).

    Raises:
        RequestError: no usable ``sched_dep``, or a value of the wrong type.
    """
    features, entities = [], []
    for request in requests:
        minute, day_of_week, hour = _local_schedule(_field(request, "sched_dep", str, required=True))
        carrier = _field(request, "carrier", str)
        origin = _field(request, "origin", str)
        dest = _field(request, "dest", str)
        features.append(
            {
                "carrier": carrier,
                "origin": origin,
                "dest": dest,
                "sched_dep_minute": minute,
                "day_of_week": day_of_week,
                "distance": _field(request, "distance", (int, float)),
            }
        )
        entities.append(
            {
                "route": f"{origin}-{dest}" if origin and dest else None,
                "carrier": carrier,
                "origin_hour": f"{origin}-{hour}" if origin else None,
                "origin": origin,
                "tailnum": _field(request, "tailnum", str),
            }
        )
    return features, entities


def prediction_times(requests: list[dict[str, Any]], lead_minutes: int) -> list[float]:
    """When each request's prediction counts as made: seconds since 1970, UTC.

    Raises:
        RequestError: no usable ``sched_dep``.
    """
    lead = lead_minutes * 60
    return [_instant(_field(r, "sched_dep", str, required=True)).timestamp() - lead for r in requests]


def flight_id(day: str, carrier: str, flight: int, origin: str, sched_dep_time: int) -> str:
    """The key of a flight, e.g. ``2013-01-01-UA1545-EWR-0515`` (local date and time of the scheduled departure)."""
    return f"{day}-{carrier}{flight}-{origin}-{sched_dep_time:04d}"


def _field(request: dict[str, Any], name: str, kind: type | tuple[type, ...], *, required: bool = False) -> Any:
    value = request.get(name)
    if (value is None or value == "") and not required:
        return None
    if isinstance(value, kind) and value != "" and value is not True and value is not False:
        return value
    kinds = "/".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
    raise RequestError(
        f"{name}: expected {kinds}{'' if required else ' or null'}, found {value!r:.80}",
        next_step="send carrier, origin, dest, sched_dep, distance and tailnum as the booking system has them",
    )


# a day has a few hundred departure times: most requests repeat one
@lru_cache(maxsize=16_384)
def _instant(sched_dep: str) -> datetime:
    try:
        moment = datetime.fromisoformat(sched_dep)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RequestError(
            f"sched_dep: expected ISO 8601 with an offset or Z, found {sched_dep!r:.80}",
            next_step="send e.g. 2013-09-01T18:30:00-04:00 or 2013-09-01T22:30:00Z",
        )
    return moment


@lru_cache(maxsize=16_384)
def _local_schedule(sched_dep: str) -> tuple[int, int, str]:
    """Minute of the day, ISO weekday (Monday is 1) and two-digit hour, local to the origin."""
    local = _instant(sched_dep).astimezone(HOME_ZONE)
    return local.hour * 60 + local.minute, local.isoweekday(), f"{local.hour:02d}"
