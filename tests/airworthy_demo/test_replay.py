"""The replay: every flight asks, in order, and is answered once, whatever happens to the service; then files land."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy_demo import replay as module
from airworthy_demo.playback import Pace, Playback
from airworthy_demo.replay import Replay
from airworthy_demo.tally import ReplayReport
from airworthy_demo.traffic import ServiceRefuses
from airworthy_demo.world import World, WorldMissing

FIRST, SECOND = date(2013, 9, 1), date(2013, 9, 2)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


class FakeService:
    """Answers, in its own way: every 20th key is the challenger's; may refuse some requests first."""

    def __init__(self, port: int = 0, refusals: int = 0, status: int = 503) -> None:
        service = self
        self.keys: list[str] = []
        self.times: list[float] = []
        self.refusals = refusals
        self.dead = False
        self._lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                if service.dead:
                    self.close_connection = True
                    return
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                answer: dict[str, Any] = {"error": {"code": "no", "message": "not now"}}
                with service._lock:
                    service.refusals -= 1
                    refused = service.refusals >= 0
                    if not refused:
                        service.keys += [each["key"] for each in body["instances"]]
                        service.times += [time.monotonic()] * len(body["instances"])
                        answer = {
                            "release_id": "r",
                            "predictions": [service.predict(each["key"]) for each in body["instances"]],
                        }
                content = json.dumps(answer).encode()
                self.send_response(status if refused else 200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def die(self) -> None:
        """Hang up on everybody, and refuse connections from here on."""
        self.dead = True
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def predict(key: str) -> dict[str, Any]:
        challenger = sum(key.encode()) % 20 == 0
        return {
            "key": key,
            "probability": 0.5,
            "version": 2 if challenger else 1,
            "variant": "challenger" if challenger else "champion",
            "fallback": False,
        }


@contextmanager
def service(**options: Any) -> Iterator[FakeService]:
    fake = FakeService(**options)
    try:
        yield fake
    finally:
        fake.die()


def player(world: World, spec: PipelineSpec, tmp_path: Path, port: int) -> Replay:
    settings = Settings(home=tmp_path, serving_url=f"http://127.0.0.1:{port}", serving_token="t")
    return Replay(world, settings, spec)


def test_every_flight_of_the_days_asks_once_and_in_order(world: World, spec: PipelineSpec, tmp_path: Path) -> None:
    keys = [request["key"] for request in world.requests(FIRST, SECOND)]
    with service() as fake:
        report = player(world, spec, tmp_path, fake.port).traffic(
            Playback(FIRST, SECOND, pace=Pace(concurrency=1, batch=50))
        )
    assert fake.keys == keys
    expected = Counter(FakeService.predict(key)["variant"] for key in keys)
    assert (report.requests, report.errors, report.retries) == (len(keys), 0, 0)
    assert report.by_variant == expected
    assert report.versions == {1: expected["champion"], 2: expected["challenger"]}
    assert report.p50_ms is not None and 0 < report.p50_ms <= (report.p95_ms or 0)
    assert report.releases == ("r",)


def test_while_the_service_is_away_requests_wait_and_each_is_answered_once(
    world: World, spec: PipelineSpec, tmp_path: Path
) -> None:
    with service() as fake:
        port = fake.port
        replay = player(world, spec, tmp_path, port)
        playback = Playback(FIRST, limit=600, pace=Pace(rate=400))
        reports: list[ReplayReport] = []
        again_and_again = threading.Event()

        def watch(report: ReplayReport) -> None:
            if report.retries:
                again_and_again.set()

        thread = threading.Thread(target=lambda: reports.append(replay.traffic(playback, on_progress=watch)))
        thread.start()
        while len(fake.keys) < 100:
            time.sleep(0.01)
        fake.die()
        assert again_and_again.wait(30)
    with service(port=port) as again:
        thread.join(30)
    assert sorted({*fake.keys, *again.keys}) == sorted(r["key"] for r in world.requests(FIRST)[:600])
    (report,) = reports
    assert (report.requests, report.errors) == (600, 0)
    assert report.retries > 0


def test_not_now_is_tried_again_and_a_bad_request_is_not(world: World, spec: PipelineSpec, tmp_path: Path) -> None:
    with service(refusals=5, status=503) as fake:
        report = player(world, spec, tmp_path, fake.port).traffic(Playback(FIRST, limit=20))
        assert (report.requests, report.errors, report.retries) == (20, 0, 5)
    with service(refusals=5, status=422) as fake:
        report = player(world, spec, tmp_path, fake.port).traffic(Playback(FIRST, limit=20))
        assert (report.requests, report.errors, report.retries) == (15, 5, 0)
        assert "not now" in report.last_error


def test_a_wrong_token_ends_it_at_once(world: World, spec: PipelineSpec, tmp_path: Path) -> None:
    with service(refusals=1000, status=401) as fake:
        with pytest.raises(ServiceRefuses, match="401"):
            player(world, spec, tmp_path, fake.port).traffic(Playback(FIRST))


def test_the_rate_is_a_limit(world: World, spec: PipelineSpec, tmp_path: Path) -> None:
    with service() as fake:
        player(world, spec, tmp_path, fake.port).traffic(Playback(FIRST, limit=60, pace=Pace(rate=60)))
    span = fake.times[-1] - fake.times[0]
    assert span > 0.9


def test_by_the_clock_a_day_takes_its_time(world: World, spec: PipelineSpec, tmp_path: Path) -> None:
    """60 days a minute: one second a day; the first flights leave at 5, the last before midnight."""
    with service() as fake:
        began = time.monotonic()
        player(world, spec, tmp_path, fake.port).traffic(Playback(FIRST, days_per_minute=60))
    assert fake.times[0] - began > 5 / 24
    assert fake.times[-1] - began > 0.85


def test_it_stops_when_told_and_says_how_far_it_came(world: World, spec: PipelineSpec, tmp_path: Path) -> None:
    stop, seen = threading.Event(), []

    def watch(report: ReplayReport) -> None:
        seen.append(report.requests)
        if report.requests >= 20:
            stop.set()

    with service() as fake:
        report = player(world, spec, tmp_path, fake.port).traffic(
            Playback(FIRST, pace=Pace(rate=50)), stop=stop, on_progress=watch
        )
        assert report.requests == len(fake.keys) < 200
    assert seen == sorted(seen) and seen[-1] == report.requests


def test_a_days_files_land_when_its_flights_have_asked(world: World, spec: PipelineSpec, tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    there: dict[str, list[str]] = {}

    def watch(report: ReplayReport) -> None:
        there.setdefault(report.day, []).extend(sorted(path.name for path in landing.glob("flights/*.csv")))

    with service() as fake:
        report = player(world, spec, tmp_path, fake.port).play(Playback(FIRST, SECOND, limit=50), on_progress=watch)
    assert there["2013-09-01"][:1] in ([], ["2013-09-01.csv"])
    assert sorted(path.name for path in landing.glob("flights/*.csv")) == ["2013-09-01.csv", "2013-09-02.csv"]
    assert (report.requests, report.landed) == (50, 5)  # two days of flights and weather, and the planes
    again = player(world, spec, tmp_path, fake.port).play(Playback(FIRST, SECOND), traffic=False)
    assert (again.requests, again.landed) == (0, 0)  # there already


def test_days_without_flights_are_refused_with_those_there_are(
    world: World, spec: PipelineSpec, tmp_path: Path
) -> None:
    with pytest.raises(WorldMissing, match="2014-05-01") as refused:
        player(world, spec, tmp_path, 9).traffic(Playback(date(2014, 5, 1), date(2014, 5, 2)))
    assert "2013-01-01 to 2013-12-31" in (refused.value.next_step or "")


def test_the_command_says_what_it_did_and_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    from airworthy import settings

    app = typer.Typer()
    app.command()(module.replay)
    with service() as fake:
        ours = Settings(home=tmp_path, serving_url=f"http://127.0.0.1:{fake.port}", serving_token="t")
        monkeypatch.setattr(settings, "from_environment", lambda: ours)
        good = CliRunner().invoke(app, ["--from", "2013-09-01", "--requests", "30", "--no-land"])
        assert good.exit_code == 0, good.output
        assert "30 in" in good.output and len(fake.keys) == 30
        bad = CliRunner().invoke(app, ["--from", "yesterday"])
    assert bad.exit_code == 1
    assert "2013-09-01" in bad.output
