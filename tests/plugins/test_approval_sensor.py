"""The approval sensor finishes what an interrupted try of it began, and asks nobody twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airworthy.spec import PipelineSpec
from airworthy_airflow import release
from airworthy_airflow.sensors.approval import ApprovalSensor

ROOT = Path(__file__).resolve().parents[2]
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


CONTEXT: Any = {"run_id": "flight_delays-v3", "ti": SimpleNamespace(id="1")}


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
    answer = {"chosen_options": ["Approve"], "params_input": {}, "responded_by_user": {"id": "1", "name": "approver"}}
    with pytest.raises(error, match="why"):
        waiting.execute_complete(CONTEXT, answer)


def test_no_answer_yet_waits_on_and_none_by_the_deadline_is_a_no(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    from airflow.sdk.exceptions import TaskAwaitingInput

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
