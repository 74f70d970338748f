"""Plays the year: each day's flights ask for predictions, then their files land, and with them the labels."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import replace as with_other
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airworthy.errors import AirworthyError
from airworthy_demo.playback import MAX_BATCH, Pace, Playback, parse_day, parse_speed
from airworthy_demo.prediction_request import predict_url
from airworthy_demo.tally import ReplayReport, Tally, as_table
from airworthy_demo.traffic import OnProgress, send

if TYPE_CHECKING:
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy_demo.world import World


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
        self, playback: Playback, *, stop: threading.Event | None = None, on_progress: OnProgress | None = None
    ) -> ReplayReport:
        """Send the flights as requests, in order of scheduled departure; no files land.

        Each is answered once: while the service is away, e.g. restarts, it is tried again for as long as the pace's
        patience lasts.

        Args:
            playback: which days, and how fast.
            stop: set it, from another thread, to send no more.
            on_progress: called twice a second with everything so far, in this thread.

        Raises:
            WorldMissing: no flights on these days.
            ServiceRefuses: the token is wrong, or there is no such model.
        """
        tally = Tally()
        self._send(playback, tally, stop or threading.Event(), on_progress)
        return tally.report()

    def play(
        self,
        playback: Playback,
        *,
        land: bool = True,
        traffic: bool = True,
        stop: threading.Event | None = None,
        on_progress: OnProgress | None = None,
    ) -> ReplayReport:
        """Day by day: requests before each departure, and when the day is over its files land.

        A day's flights file says how its flights ended, so that is how labels arrive: late, as in life.

        Args:
            playback: which days, and how fast; its limit counts over all days.
            land: put the files into the landing zone.
            traffic: send the requests.
            stop: set it, from another thread, to play no more.
            on_progress: called twice a second and after each day, in this thread.

        Raises:
            WorldMissing: no flights on these days.
            ServiceRefuses: the token is wrong, or there is no such model.
        """
        tally, stop = Tally(), stop or threading.Event()
        for day in self.world.days_between(playback.first, playback.end):
            if stop.is_set():
                break
            tally.playing(day.isoformat())
            began = time.monotonic()
            left = tally.left(playback.limit)
            if traffic and left != 0:
                self._send(with_other(playback, first=day, last=day, limit=left), tally, stop, on_progress)
            elif playback.by_the_clock:
                stop.wait(playback.seconds_per_day - (time.monotonic() - began))
            if land:
                options = self.settings.storage_options
                files = self.world.land(self.settings.landing, day, day, storage_options=options)
                tally.playing(day.isoformat(), landed=len(files))
            if on_progress is not None:
                on_progress(tally.report())
        return tally.report()

    def _send(self, playback: Playback, tally: Tally, stop: threading.Event, on_progress: OnProgress | None) -> None:
        asyncio.run(
            send(
                itertools.islice(self._timed(playback), playback.limit),
                url=predict_url(self.settings, self.spec.name),
                token=self.settings.serving_token,
                pace=playback.pace,
                tally=tally,
                stop=stop,
                on_progress=on_progress,
            )
        )

    def _timed(self, playback: Playback) -> Iterator[tuple[float, dict[str, Any]]]:
        """Each request with the second at which it is due; read from the world day by day."""
        for index, day in enumerate(self.world.days_between(playback.first, playback.end)):
            for request in self.world.requests(day):
                yield playback.due(datetime.fromisoformat(request["sched_dep"]), index), request


def replay(
    first: Annotated[str, typer.Option("--from", help="First day, e.g. 2013-09-01.")],
    last: Annotated[str, typer.Option("--to", help="Last day; the first when left out.")] = "",
    speed: Annotated[str, typer.Option(help="Days per minute, or max.")] = "max",
    rate: Annotated[float, typer.Option(min=0, help="Requests per second at most; 0 for no limit.")] = 0.0,
    land: Annotated[bool, typer.Option(help="Land each day's files when it is over: the labels.")] = True,
    traffic: Annotated[bool, typer.Option(help="Send each day's flights as requests.")] = True,
    requests: Annotated[int, typer.Option(min=0, help="Send at most so many; 0 for all.")] = 0,
    concurrency: Annotated[int, typer.Option(min=1, help="HTTP requests under way at once.")] = 8,
    batch: Annotated[int, typer.Option(min=1, max=MAX_BATCH, help="Flights per HTTP request.")] = 1,
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
        playback = Playback(
            parse_day(first),
            parse_day(last) if last else None,
            limit=requests or None,
            days_per_minute=parse_speed(speed),
            pace=Pace(rate=rate or None, concurrency=concurrency, batch=batch),
        )
        settings = from_environment()
        player = Replay(World(), settings, folders.load(settings.pipelines, model))
        with Live(console=console, refresh_per_second=4) as live:
            report = player.play(
                playback, land=land, traffic=traffic, on_progress=lambda report: live.update(as_table(report))
            )
            live.update(as_table(report))
    except AirworthyError as error:
        typer.echo(f"replay: {error}", err=True)
        raise typer.Exit(1) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(130) from error
    if report.errors:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(replay)
