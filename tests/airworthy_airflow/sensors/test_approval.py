"""The approval sensor finishes what an interrupted try of it began, and asks nobody twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    TaskAwaitingInput,
    TaskDeferred,
)
from releases import Releases
from small_models import SPEC as SMALL

from airworthy.ledger.events import release_id
from airworthy.release.approvals import Response
from airworthy.spec.pipeline import PipelineSpec
from airworthy_airflow.sensors import approval as approval_sensor
from airworthy_airflow.sensors.approval import ApprovalSensor
from airworthy_airflow.tasks import release
from airworthy_airflow.triggers.answer import LostAnswerTrigger

ROOT = Path(__file__).resolve().parents[3]
SPEC = PipelineSpec.load(ROOT / "include" / "pipelines" / "flight_delays" / "pipeline.yaml")


@dataclass
class FakeControl:
    """A release controller with a ledger of the test's."""

    entries_: list[Any] = field(default_factory=list)
    closed_by: Any = None

    @property
    def ledger(self) -> Any:
        return SimpleNamespace(entries=lambda *_: self.entries_)

    def closed(self, version: int) -> Any:
        return self.closed_by

    def release_id(self, version: int) -> str:
        return release_id("flight_delays", version)

    def evidence(self, version: int) -> Any:
        return SimpleNamespace(digest="d1", markdown=lambda: "evidence")

    def request_approval(self, *_arguments: Any, **_named: Any) -> None:
        raise LookupError("asked a person")


def sensor(monkeypatch: pytest.MonkeyPatch, control: FakeControl) -> ApprovalSensor:
    monkeypatch.setattr(release, "controller", lambda _pipeline: control)
    return ApprovalSensor(task_id="approve", spec=SPEC, version="3")


def entry(event: str, **details: Any) -> Any:
    return SimpleNamespace(event=event, actor="approver", reason="why", details=details)


CONTEXT: Any = {"run_id": "flight_delays-v3", "ti": SimpleNamespace(id="1", try_number=1)}
SECOND_TRY: Any = {"run_id": "flight_delays-v3", "ti": SimpleNamespace(id="1", try_number=2)}
ANSWER: dict[str, Any] = {
    "chosen_options": ["Approve"],
    "params_input": {"reason": "fine", "evidence": "d1"},
    "responded_at": datetime(2026, 1, 1, tzinfo=UTC),
    "responded_by_user": {"id": "7", "name": "approver"},
}


def test_an_approval_that_an_interrupted_try_recorded_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    control = FakeControl([entry("approved", digest="d1", task_id="approve")])
    assert sensor(monkeypatch, control).execute(CONTEXT)["chosen_options"] == ["Approve"]


@pytest.mark.parametrize("details", [{"digest": "d0", "task_id": "approve"}, {"digest": "d1", "task_id": "other"}])
def test_an_approval_of_other_evidence_or_of_another_task_does_not(
    monkeypatch: pytest.MonkeyPatch, details: dict[str, str]
) -> None:
    with pytest.raises(LookupError, match="asked a person"):
        sensor(monkeypatch, FakeControl([entry("approved", **details)])).execute(CONTEXT)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ("rejected", AirflowSkipException),
        ("timed_out", AirflowSkipException),
        ("superseded", AirflowSkipException),
        ("voided", AirflowFailException),
        ("rolled_back", AirflowFailException),
    ],
)
def test_a_closed_release_asks_nobody_and_takes_no_answer(
    monkeypatch: pytest.MonkeyPatch, event: str, error: type[Exception]
) -> None:
    waiting = sensor(monkeypatch, FakeControl(closed_by=entry(event)))
    with pytest.raises(error, match="why"):
        waiting.execute(CONTEXT)
    with pytest.raises(error, match="why"):
        waiting.execute_complete(CONTEXT, ANSWER)
    with pytest.raises(error, match="why"):
        waiting.resume(SECOND_TRY, {})
    with pytest.raises(error, match="why"):
        waiting.resume(SECOND_TRY, ANSWER)


def test_no_answer_yet_waits_on_and_none_by_the_deadline_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    control = FakeControl()
    waiting = sensor(monkeypatch, control)
    nothing = {"error": "no response", "error_type": "timeout"}
    control.requested_at = lambda _v: datetime.now(UTC) - timedelta(hours=1)  # type: ignore[attr-defined]
    with pytest.raises(TaskAwaitingInput):
        waiting.execute_complete(CONTEXT, nothing)
    recorded: list[int] = []
    control.requested_at = lambda _v: datetime.now(UTC) - timedelta(hours=73)  # type: ignore[attr-defined]
    control.record_timeout = recorded.append  # type: ignore[attr-defined]
    with pytest.raises(AirflowSkipException, match="that is a no"):
        waiting.execute_complete(CONTEXT, nothing)
    assert recorded == [3]


def test_a_second_try_first_looks_for_the_answer_of_the_lost_one_which_asking_again_would_wipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        sensor(monkeypatch, FakeControl()).execute(SECOND_TRY)
    assert isinstance(deferred.value.trigger, LostAnswerTrigger)
    assert deferred.value.trigger.serialize()[1] == {"ti_id": "1"}
    assert deferred.value.method_name == "resume"


def test_the_answer_to_a_lost_try_is_judged_and_recorded_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    control, recorded = FakeControl(), []

    def record_response(version: int, response: Response) -> Any:
        recorded.append((version, response))
        return SimpleNamespace(allowed=True, reason="")

    control.record_response = record_response  # type: ignore[attr-defined]
    done = sensor(monkeypatch, control).resume(SECOND_TRY, ANSWER)
    assert done["chosen_options"] == ["Approve"]
    expected = Response(user="approver", answer="approve", digest="d1", reason="fine", task_id="approve")
    assert recorded == [(3, expected)]


def test_a_lost_try_that_nobody_answered_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError, match="asked a person"):
        sensor(monkeypatch, FakeControl()).resume(SECOND_TRY, {})


# ---- on a real ledger ----


@pytest.fixture
def releases(tmp_path, monkeypatch):
    releases = Releases(tmp_path)
    monkeypatch.setattr(release, "controller", lambda _pipeline: releases.control)
    yield releases
    releases.ledger.close()


@pytest.fixture
def asked_again(monkeypatch) -> list[Any]:
    """Every time that Airflow is told to open the request once more."""
    opened: list[Any] = []
    monkeypatch.setattr(approval_sensor, "upsert_hitl_detail", lambda **request: opened.append(request["ti_id"]))
    return opened


def answered(digest: str, user: str = "ann", option: str = "Approve") -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"reason": "because", "evidence": digest},
        "responded_at": datetime(2026, 1, 1, tzinfo=UTC),
        "responded_by_user": {"id": "12", "name": user},
    }


def judged(event: dict[str, Any]) -> Any:
    sensor = ApprovalSensor(task_id="approve", spec=SMALL, version="2")
    instance = SimpleNamespace(id="ti", try_number=1)
    return sensor.execute_complete({"ti": instance, "task_instance": instance, "task": sensor}, event)  # type: ignore[typeddict-item]


def test_an_approvers_yes_to_this_evidence_is_recorded(releases, asked_again):
    digest = releases.asked(2)
    assert judged(answered(digest))["chosen_options"] == ["Approve"]
    entry = releases.ledger.entries("flights")[-1]
    assert (entry.event, entry.actor, entry.reason, entry.details["digest"]) == ("approved", "ann", "because", digest)
    assert asked_again == []


@pytest.mark.parametrize(("user", "right_evidence"), [("mallory", True), ("ann", False)])
@pytest.mark.parametrize("option", ["Approve", "Reject"])
def test_an_answer_by_somebody_else_or_to_other_evidence_does_not_count_and_people_are_asked_again(
    releases, asked_again, user, right_evidence, option
):
    digest = releases.asked(2)
    with pytest.raises(TaskAwaitingInput):
        judged(answered(digest if right_evidence else "0" * 64, user, option))
    assert releases.events(2)[-1] == "not_counted"
    assert asked_again == ["ti"]
    assert releases.serving()[1] == 2, "the canary goes on"


def test_a_no_ends_the_canary_at_once(releases, asked_again, monkeypatch):
    monkeypatch.setattr(ApprovalSensor, "skip", lambda *_, **__: None)  # asks Airflow to skip what follows
    digest = releases.asked(2)
    judged(answered(digest, option="Reject"))
    assert releases.events(2)[-1] == "rejected"
    assert releases.serving() == (1, None, 0.0, None)
