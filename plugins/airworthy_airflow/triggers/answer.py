"""The lost-answer trigger: looks once whether a person has answered a task that was killed before it could read it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from uuid import UUID

from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.hitl import get_hitl_detail_content_detail
from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async


class LostAnswerTrigger(BaseTrigger):
    """Fires at once, with the answer that Airflow holds for a task instance, or with an empty event.

    Airflow hands a killed task's request and answer over to its next try, but lets only triggers read them; asking
    again would wipe the answer.

    :param ti_id: the task instance.
    """

    def __init__(self, *, ti_id: str) -> None:
        super().__init__()
        self.ti_id = ti_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{type(self).__module__}.{type(self).__qualname__}", {"ti_id": self.ti_id}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        yield TriggerEvent(await self._answer())

    async def _answer(self) -> dict[str, Any]:
        """The event that an answered task is resumed with; empty where nobody answered or was asked."""
        try:
            found = await sync_to_async(get_hitl_detail_content_detail)(ti_id=UUID(self.ti_id))
        except AirflowRuntimeError as error:
            if (error.error.detail or {}).get("status_code") != HTTPStatus.NOT_FOUND:
                raise
            return {}
        user = found.responded_by_user
        if not found.response_received or user is None:
            return {}
        return {
            "chosen_options": found.chosen_options or [],
            "params_input": found.params_input or {},
            "responded_at": found.responded_at,
            "responded_by_user": {"id": user.id, "name": user.name},
            "timedout": False,
        }
