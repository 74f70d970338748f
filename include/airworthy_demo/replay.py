"""Plays the year: each day's flights ask for predictions, then their files land, and with them the labels."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airworthy.errors import AirworthyError
from airworthy_demo.traffic import Pace, ReplayReport, Tally, send

if TYPE_CHECKING:
    from rich.table import Table

    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy_demo.world import World

OnProgress = Callable[[ReplayReport], None]
DAY = 86_400.0


class NotADay(AirworthyError):
    """A date, or a range of dates, that cannot be played."""


class Replay:
    """Plays days of the world against this deployment's service and landing zone.

    May be used from any thread, several at once.

    Args:
        world: the flights.
        settings: the service's address and token, the landing zone.
        spec: the pipeline that is asked.
    """

    def __init__(self, world: World, settings: Settings, spec: PipelineSpec) -> None:
        self.world = world
        self.settings = settings
        self.spec = spec

    def traffic(
        self,
        start: date,
        end: date | None = None,
        *,
        limit: int | None = None,
        days_per_minute: float = 0.0,
        rate: float | None = None,
        concurrency: int = 8,
        batch: int = 1,
        stop: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> ReplayReport:
        """Send the flights from ``start`` to ``end`` as requests, in order of scheduled departure.

        Each is answered once: while the service is away, e.g. restarts, it is tried again for up to two minutes.

        Args:
            start: first day.
            end: last day, included; None for one day.
            limit: send at most so many.
            days_per_minute: play by the clock, so fast; 0 for as fast as possible.
            rate: at most so many flights per second.
            concurrency: HTTP requests under way at once.
            batch: flights per HTTP request.
            stop: set it, from another thread, to send no more.
            on_progress: called twice a second with everything so far, in this thread.

        Raises:
            ServiceRefuses: the token is wrong, or there is no such model.
        """
        tally = Tally()
        pace = Pace(rate=rate, concurrency=concurrency, batch=batch)
        self._send(start, end or start, tally, pace, limit, days_per_minute, stop, on_progress)
        return tally.report()

    def play(
        self,
        start: date,
        end: date,
        *,
        land: bool = True,
        traffic: bool = True,
        limit: int | None = None,
        days_per_minute: float = 0.0,
        rate: float | None = None,
        concurrency: int = 8,
        batch: int = 1,
        stop: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> ReplayReport:
        """Day by day: requests before each departure, and when the day is over its files land.

        A day's flights file says how its flights ended, so that is how labels arrive: late, as in life.

        Args:
            land: put the files into the landing zone.
            traffic: send the requests.

        Other arguments, returns, raises: as :meth:`traffic`.
        """
        tally = Tally()
        pace = Pace(rate=rate, concurrency=concurrency, batch=batch)
        for day in self._days(start, end):
            if stop is not None and stop.is_set():
                break
            tally.playing(day.isoformat())
            began = time.monotonic()
            left = None if limit is None else limit - tally.report().requests - tally.report().errors
            if traffic and (left is None or left > 0):
                self._send(day, day, tally, pace, left, days_per_minute, stop, on_progress)
            elif days_per_minute:
                (stop or threading.Event()).wait(60 / days_per_minute - (time.monotonic() - began))
            if land:
                options = self.settings.storage_options
                files = self.world.land(self.settings.landing, day, day, storage_options=options)
                tally.playing(day.isoformat(), landed=len(files))
            if on_progress is not None:
                on_progress(tally.report())
        return tally.report()

    def _send(
        self,
        start: date,
        end: date,
        tally: Tally,
        pace: Pace,
        limit: int | None,
        days_per_minute: float,
        stop: threading.Event | None,
        on_progress: OnProgress | None,
    ) -> None:
        url = f"{self.settings.serving_url.rstrip('/')}/v1/models/{self.spec.name}:predict"
        timed = itertools.islice(self._timed(start, end, days_per_minute), limit)
        asyncio.run(
            send(
                timed,
                url=url,
                token=self.settings.serving_token,
                pace=pace,
                tally=tally,
                stop=stop,
                on_progress=on_progress,
            )
        )

    def _timed(self, start: date, end: date, days_per_minute: float) -> Iterator[tuple[float, dict[str, Any]]]:
        """Each request with the second at which it is due; read from the world day by day."""
        for index, day in enumerate(self._days(start, end)):
            for request in self.world.requests(day):
                if days_per_minute:
                    departure = datetime.fromisoformat(request["sched_dep"])
                    clock = timedelta(hours=departure.hour, minutes=departure.minute).total_seconds() / DAY
                    yield (index + clock) * 60 / days_per_minute, request
                else:
                    yield 0.0, request

    def _days(self, start: date, end: date) -> list[date]:
        if end < start:
            raise NotADay(f"the last day {end} is before the first {start}", next_step="swap them")
        days = [day for day in self.world.days if start <= day <= end]
        if not days:
            first, last = self.world.days[0], self.world.days[-1]
            raise NotADay(f"no flights from {start} to {end}", next_step=f"the world lasts from {first} to {last}")
        return days


def as_table(report: ReplayReport) -> Table:
    """For the terminal."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    shares = ", ".join(
        f"{variant} {count:,} ({100 * count / report.requests:.2f} %)"
        for variant, count in sorted(report.by_variant.items())
    )
    latency = "" if report.p50_ms is None else f"p50 {report.p50_ms:.1f} ms, p95 {report.p95_ms:.1f} ms"
    for name, value in (
        ("day", report.day),
        ("landed", f"{report.landed} files" if report.landed else ""),
        ("answered", f"{report.requests:,} in {report.seconds:.0f} s, {report.rate:,.0f}/s"),
        ("latency", latency),
        ("shares", shares),
        ("versions", ", ".join(f"v{version}: {count:,}" for version, count in report.versions.items())),
        ("fallbacks", str(report.fallbacks or "")),
        ("retries", str(report.retries or "")),
        ("errors", f"{report.errors}: {report.last_error}" if report.errors else ""),
    ):
        if value:
            table.add_row(f"[bold]{name}", value)
    return table


def replay(
    first: Annotated[str, typer.Option("--from", help="First day, e.g. 2013-09-01.")],
    last: Annotated[str, typer.Option("--to", help="Last day; the first when left out.")] = "",
    speed: Annotated[str, typer.Option(help="Days per minute, or max.")] = "max",
    rate: Annotated[float, typer.Option(help="Requests per second at most; 0 for no limit.")] = 0.0,
    land: Annotated[bool, typer.Option(help="Land each day's files when it is over: the labels.")] = True,
    traffic: Annotated[bool, typer.Option(help="Send each day's flights as requests.")] = True,
    requests: Annotated[int, typer.Option(help="Send at most so many; 0 for all.")] = 0,
    concurrency: Annotated[int, typer.Option(min=1, help="HTTP requests under way at once.")] = 8,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Flights per HTTP request.")] = 1,
    model: Annotated[str, typer.Option(help="The pipeline that is asked.")] = "flight_delays",
) -> None:
    """Play days of 2013: requests to the inference service, then the files with the outcomes."""
    from rich.console import Console
    from rich.live import Live

    from airworthy.settings import from_environment
    from airworthy.spec import folders
    from airworthy_demo.world import World

    console = Console()
    try:
        start = _day(first)
        settings = from_environment()
        player = Replay(World(), settings, folders.load(settings.pipelines, model))
        with Live(console=console, refresh_per_second=4) as live:
            report = player.play(
                start,
                _day(last) if last else start,
                land=land,
                traffic=traffic,
                limit=requests or None,
                days_per_minute=_speed(speed),
                rate=rate or None,
                concurrency=concurrency,
                batch=batch,
                on_progress=lambda report: live.update(as_table(report)),
            )
            live.update(as_table(report))
    except AirworthyError as error:
        typer.echo(f"replay: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(130) from error
    if report.errors:
        raise typer.Exit(1)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise NotADay(f"{text!r} is not a date", next_step="write it like 2013-09-01") from error


def _speed(text: str) -> float:
    if text == "max":
        return 0.0
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if speed < 0:
        raise NotADay(f"speed: {text!r} is not a number of days per minute", next_step="e.g. --speed 2, or max")
    return speed


if __name__ == "__main__":
    typer.run(replay)
