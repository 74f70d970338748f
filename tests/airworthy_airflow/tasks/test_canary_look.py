"""The canary's watch and guard: what they say, and when they keep quiet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy.traffic import measure
from airworthy.traffic.measure import Accumulator, Counts, Reading, ServiceAway
from airworthy_airflow.tasks.release import CanaryLook

ROOT = Path(__file__).resolve().parents[3]
SPEC = PipelineSpec.load(ROOT / "include" / "pipelines" / "flight_delays" / "pipeline.yaml")


@dataclass
class FakeControl:
    """A release controller whose ledger says what the test wants."""

    spec: PipelineSpec = SPEC
    decision: str | None = None

    def decided(self, version: int) -> str | None:
        return self.decision

    def release_id(self, version: int) -> str:
        return f"{self.spec.name}-v{version}"


def look(monkeypatch: pytest.MonkeyPatch, *readings: Any, decision: str | None = None) -> CanaryLook:
    """A look whose service answers with these readings, one after the other."""
    left = list(readings)

    def scrape(*_arguments: object) -> Reading:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(measure, "scrape", scrape)
    return CanaryLook(Settings(), FakeControl(decision=decision), 7, 10.0, Accumulator())  # type: ignore[arg-type]


def reading(requests: int, errors: int, *, seconds: float = 0.01, instance: str = "a") -> Reading:
    fast = Counts(requests, errors, {seconds: requests, float("inf"): requests})
    return Reading(instance, {"challenger": fast, "champion": Counts(5000, 0, {0.01: 5000, float("inf"): 5000})})


def test_the_watch_keeps_quiet_until_the_window_ends_and_then_promotes(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = look(monkeypatch, reading(150, 0), reading(200, 0))
    assert watching.once(9.9, "watch") is None
    said = watching.once(10.0, "watch")
    assert said is not None
    assert said["outcome"] == "promote"
    assert said["measurements"]["challenger"]["requests"] == 200


def test_the_watch_adds_up_across_a_restart_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = look(
        monkeypatch, reading(80, 0, instance="before"), ServiceAway("away"), reading(40, 0, instance="after")
    )
    assert watching.once(1, "watch") is None
    assert watching.once(2, "watch") is None
    said = watching.once(10, "watch")
    assert said is not None
    assert (said["outcome"], said["measurements"]["challenger"]["requests"]) == ("promote", 120)


def test_too_few_answers_are_unclear_and_no_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    said = look(monkeypatch, reading(20, 0)).once(10, "watch")
    assert said is not None
    assert said["outcome"] == "unclear"


def test_both_roll_back_at_once_on_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in ("watch", "guard"):
        said = look(monkeypatch, reading(150, 30)).once(0.5, mode)
        assert said is not None
        assert said["outcome"] == "rollback"
        assert "30 errors" in said["reason"]


def test_the_guard_keeps_quiet_while_all_is_well_however_late(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(monkeypatch, reading(5000, 0)).once(4000, "guard") is None


def test_the_guard_keeps_quiet_while_the_service_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(monkeypatch, ServiceAway("away")).once(30, "guard") is None


def test_a_slow_canary_is_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    said = look(monkeypatch, reading(150, 0, seconds=0.5)).once(0.5, "guard")
    assert said is not None
    assert said["outcome"] == "rollback"
    assert "p95" in said["reason"]


@pytest.mark.parametrize(("mode", "outcome"), [("guard", "decided"), ("watch", "closed")])
def test_a_decided_release_ends_both_without_measuring(
    monkeypatch: pytest.MonkeyPatch, mode: str, outcome: str
) -> None:
    said = look(monkeypatch, decision="rejected by approver").once(1, mode)
    assert said == {"outcome": outcome, "reason": "rejected by approver", "measurements": {}}
