"""The lost-answer trigger: what Airflow holds for a task that was killed, or that nobody was asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from airworthy_airflow.triggers import answer as answer_trigger
from airworthy_airflow.triggers.answer import LostAnswerTrigger

ANSWER: dict[str, Any] = {
    "chosen_options": ["Approve"],
    "params_input": {"reason": "fine", "evidence": "d1"},
    "responded_at": datetime(2026, 1, 1, tzinfo=UTC),
    "responded_by_user": {"id": "7", "name": "approver"},
}


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
