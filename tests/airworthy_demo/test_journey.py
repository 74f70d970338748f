"""Following a Dag run: what it says when the run fails, or does not end; and traffic beside it."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from fake_airflow import FakeAirflow

from airworthy_demo import journey
from airworthy_demo.journey import BackgroundTraffic, RunFailed, follow, must_succeed
from airworthy_demo.playback import Playback
from airworthy_demo.tally import ReplayReport


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr(journey.time, "sleep", lambda _seconds: None)


def test_a_failed_run_names_the_task_and_shows_the_end_of_its_log(no_waiting):
    api = FakeAirflow({"ingest": "success", "features": "failed"}, runs=("running", "failed"))
    with pytest.raises(RunFailed, match=r"(?s)failed at features:\nthe log of features") as failed:
        must_succeed(api, "flight_delays.data", "r1", lambda _tasks: None)  # type: ignore[arg-type]
    assert "/dags/flight_delays.data/runs/r1" in failed.value.next_step


def test_a_run_that_does_not_end_is_given_up(no_waiting):
    with pytest.raises(RunFailed, match=r"within 0\.05 s"):
        follow(FakeAirflow({}), "d", "r", lambda _tasks: None, timeout_seconds=0.05)  # type: ignore[arg-type]


class FakeReplay:
    """Plays until it is told to stop, or breaks."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def traffic(self, playback: Playback, *, stop: threading.Event, on_progress: object) -> ReplayReport:
        if self.error:
            raise self.error
        assert stop.wait(30)
        return ReplayReport(requests=7, day=playback.first.isoformat())


def test_traffic_in_the_background_ends_when_it_is_told_to_and_says_how_far_it_came():
    traffic = BackgroundTraffic(FakeReplay(), Playback(date(2013, 9, 1)))  # type: ignore[arg-type]
    traffic.start()
    assert traffic.finish(now=True) == ReplayReport(requests=7, day="2013-09-01")


def test_what_breaks_traffic_in_the_background_reaches_whoever_waits_for_it():
    traffic = BackgroundTraffic(FakeReplay(OSError("cut")), Playback(date(2013, 9, 1)))  # type: ignore[arg-type]
    traffic.start()
    with pytest.raises(OSError, match="cut"):
        traffic.finish()
