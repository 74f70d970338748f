"""What is played of the year, and how fast: the one description that player, sender and command line share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from airworthy.errors import AirworthyError

#: What the service takes in one HTTP request by default.
MAX_BATCH = 1000
_DAY = timedelta(days=1)


class PlaybackInvalid(AirworthyError):
    """Days, a speed or a limit that cannot be played."""


@dataclass(frozen=True)
class Pace:
    """How fast to send.

    Attributes:
        rate: at most so many instances per second; None for no limit.
        concurrency: HTTP requests under way at once.
        batch: instances per HTTP request.
        patience_seconds: how long one request is tried again while the service is away.

    Raises:
        PlaybackInvalid: names the value and what is allowed.
    """

    rate: float | None = None
    concurrency: int = 8
    batch: int = 1
    patience_seconds: float = 120.0

    def __post_init__(self) -> None:
        _require(self.rate is None or self.rate > 0, f"rate {self.rate}", "more than 0 requests a second, or none")
        _require(self.concurrency >= 1, f"concurrency {self.concurrency}", "at least 1")
        _require(1 <= self.batch <= MAX_BATCH, f"batch {self.batch}", f"1 to {MAX_BATCH} flights per HTTP request")
        _require(self.patience_seconds >= 0, f"patience {self.patience_seconds} s", "at least 0 s")


@dataclass(frozen=True)
class Playback:
    """Days of the world, as they are played.

    Attributes:
        first: the first day.
        last: the last day, included; None for one day.
        limit: send at most so many requests; None for all.
        days_per_minute: play by the clock, so fast; 0 for as fast as possible.
        pace: how fast the requests are sent at most.

    Raises:
        PlaybackInvalid: names the value and what is allowed.
    """

    first: date
    last: date | None = None
    limit: int | None = None
    days_per_minute: float = 0.0
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        _require(self.first <= self.end, f"the last day {self.end} before the first {self.first}", "them in order")
        _require(self.limit is None or self.limit >= 0, f"limit {self.limit}", "at least 0 requests, or none")
        _require(self.days_per_minute >= 0, f"speed {self.days_per_minute}", "at least 0 days per minute")

    @property
    def end(self) -> date:
        """The last day, included."""
        return self.last or self.first

    @property
    def by_the_clock(self) -> bool:
        """Whether a day takes its time."""
        return self.days_per_minute > 0

    @property
    def seconds_per_day(self) -> float:
        """How long a day takes when it is played by the clock."""
        return 60 / self.days_per_minute

    def due(self, departure: datetime, day_index: int) -> float:
        """When the request for a flight is sent: seconds after the start.

        Args:
            departure: scheduled, on the origin's clock.
            day_index: of its day among those that are played, from 0.
        """
        if not self.by_the_clock:
            return 0.0
        return (day_index + timedelta(hours=departure.hour, minutes=departure.minute) / _DAY) * self.seconds_per_day


def parse_day(text: str) -> date:
    """A day as people write it, e.g. ``2013-09-01``.

    Raises:
        PlaybackInvalid: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PlaybackInvalid(f"{text!r} is not a date", next_step="write it like 2013-09-01") from error


def parse_speed(text: str) -> float:
    """Days per minute as people write it: a number, or ``max`` (0: as fast as possible).

    Raises:
        PlaybackInvalid: it is neither.
    """
    if text == "max":
        return 0.0
    try:
        return float(text)
    except ValueError as error:
        raise PlaybackInvalid(
            f"speed {text!r} is not a number of days per minute", next_step="e.g. --speed 2, or max"
        ) from error


def _require(fine: bool, seen: str, expected: str) -> None:
    if not fine:
        raise PlaybackInvalid(f"found {seen}, expected {expected}", next_step="correct that value")
