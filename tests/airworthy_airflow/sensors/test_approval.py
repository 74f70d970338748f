"""The approval sensor finishes what an interrupted try of it began, and asks nobody twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRuntimeError,
    AirflowSkipException,
    ErrorType,
    TaskAwaitingInput,
    TaskDeferred,
)
from airflow.sdk.execution_time.comms import ErrorResponse

from airworthy.spec.pipeline import PipelineSpec
from airworthy_airflow.sensors.approval import ApprovalSensor
from airworthy_airflow.tasks import release
from airworthy_airflow.triggers import answer as answer_trigger
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
        return f"flight_delays-v{version}"

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

    def record_decision(version: int, **answer: Any) -> Any:
        recorded.append((version, answer))
        return SimpleNamespace(allowed=True, reason="")

    control.record_decision = record_decision  # type: ignore[attr-defined]
    done = sensor(monkeypatch, control).resume(SECOND_TRY, ANSWER)
    assert done["chosen_options"] == ["Approve"]
    expected = {"digest": "d1", "user": "approver", "decision": "approve", "reason": "fine", "task_id": "approve"}
    assert recorded == [(3, expected)]


def test_a_lost_try_that_nobody_answered_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LookupError, match="asked a person"):
        sensor(monkeypatch, FakeControl()).resume(SECOND_TRY, {})


def look(monkeypatch: pytest.MonkeyPatch, held: Any) -> dict[str, Any]:
    """The event of the trigger when Airflow holds this answer, or says this error."""

    def held_by_airflow(ti_id: object) -> Any:
        assert str(ti_id) == ti
        if isinstance(held, Exception):
            raise held
        return held

    ti = "01998c4b-0000-7000-8000-000000000001"
    monkeypatch.setattr(answer_trigger, "get_hitl_detail_content_detail", held_by_airflow)

    async def first() -> dict[str, Any]:
        return next(iter([event.payload async for event in LostAnswerTrigger(ti_id=ti).run()]))

    return asyncio.run(first())


def api_error(status: int) -> AirflowRuntimeError:
    return AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": status}))


def test_the_trigger_hands_over_what_airflow_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    held = SimpleNamespace(
        response_received=True,
        chosen_options=["Approve"],
        params_input=ANSWER["params_input"],
        responded_at=ANSWER["responded_at"],
        responded_by_user=SimpleNamespace(id="7", name="approver"),
    )
    assert look(monkeypatch, held) == {**ANSWER, "timedout": False}
    unanswered = SimpleNamespace(response_received=False, responded_by_user=None)
    assert look(monkeypatch, unanswered) == {}


def test_the_trigger_knows_never_asked_from_cannot_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(monkeypatch, api_error(404)) == {}
    with pytest.raises(AirflowRuntimeError):
        look(monkeypatch, api_error(503))
