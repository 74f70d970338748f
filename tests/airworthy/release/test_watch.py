"""The canary's watch and guard: what they say, and when they keep quiet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airworthy.ledger.events import release_id
from airworthy.release import watch
from airworthy.release.decisions.canary import Mode
from airworthy.release.watch import CanaryWatch, Finding
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy.traffic.measure import Counts, Reading, ServiceAway

ROOT = Path(__file__).resolve().parents[3]
SPEC = PipelineSpec.load(ROOT / "include" / "pipelines" / "flight_delays" / "pipeline.yaml")


@dataclass
class FakeControl:
    """A release controller whose ledger says what the test wants."""

    spec: PipelineSpec = SPEC
    settings: Settings = field(default_factory=Settings)
    decision: str | None = None

    def decided(self, version: int) -> str | None:
        return self.decision

    def release_id(self, version: int) -> str:
        return release_id(self.spec.name, version)


def watching(
    monkeypatch: pytest.MonkeyPatch, *readings: Any, mode: Mode = "watch", decision: str | None = None
) -> CanaryWatch:
    """A watch whose service answers with these readings, one after the other."""
    left = list(readings)

    def scrape(*_arguments: object) -> Reading:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(watch, "scrape", scrape)
    return CanaryWatch(FakeControl(decision=decision), 7, mode, 10.0)


def reading(requests: int, errors: int, *, seconds: float = 0.01, instance: str = "a") -> Reading:
    fast = Counts(requests, errors, {seconds: requests, float("inf"): requests})
    return Reading(instance, {"challenger": fast, "champion": Counts(5000, 0, {0.01: 5000, float("inf"): 5000})})


def test_the_watch_keeps_quiet_until_the_window_ends_and_then_promotes(monkeypatch: pytest.MonkeyPatch) -> None:
    watch_ = watching(monkeypatch, reading(150, 0), reading(200, 0))
    assert watch_.look(9.9) is None
    found = watch_.look(10.0)
    assert found is not None
    assert found.outcome == "promote"
    assert found.measured["challenger"].requests == 200


def test_the_watch_adds_up_across_a_restart_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    watch_ = watching(
        monkeypatch, reading(80, 0, instance="before"), ServiceAway("away"), reading(40, 0, instance="after")
    )
    assert watch_.look(1) is None
    assert watch_.look(2) is None
    found = watch_.look(10)
    assert found is not None
    assert (found.outcome, found.measured["challenger"].requests) == ("promote", 120)


def test_too_few_answers_are_unclear_and_no_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    found = watching(monkeypatch, reading(20, 0)).look(10)
    assert found is not None
    assert found.outcome == "unclear"


def test_both_roll_back_at_once_on_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in ("watch", "guard"):
        found = watching(monkeypatch, reading(150, 30), mode=mode).look(0.5)
        assert found is not None
        assert found.outcome == "rollback"
        assert "30 errors" in found.reason


def test_the_guard_keeps_quiet_while_all_is_well_however_late(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watching(monkeypatch, reading(5000, 0), mode="guard").look(4000) is None


def test_the_guard_keeps_quiet_while_the_service_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watching(monkeypatch, ServiceAway("away"), mode="guard").look(30) is None


def test_a_slow_canary_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    found = watching(monkeypatch, reading(150, 0, seconds=0.5), mode="guard").look(0.5)
    assert found is not None
    assert found.outcome == "rollback"
    assert "p95" in found.reason


@pytest.mark.parametrize(("mode", "outcome"), [("guard", "decided"), ("watch", "closed")])
def test_a_decided_release_ends_both_without_measuring(
    monkeypatch: pytest.MonkeyPatch, mode: str, outcome: str
) -> None:
    found = watching(monkeypatch, decision="rejected by approver", mode=mode).look(1)
    assert found == Finding(outcome, "rejected by approver")
