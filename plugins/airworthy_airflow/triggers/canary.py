"""The canary trigger: measures the canary again and again until there is something to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from airworthy.release.decisions.canary import Mode


class CanaryTrigger(BaseTrigger):
    """Waits in the triggerer while a candidate answers its share of the traffic.

    As ``watch`` it ends with the first verdict that is not "wait". As ``guard`` it ends when the canary has to be
    rolled back, or when the ledger says that the release is decided.

    :param pipeline: the pipeline's name.
    :param version: the candidate's version in the registry.
    :param mode: ``watch`` or ``guard``.
    :param started: ISO time at which the window began.
    :param window_minutes: length of the window.
    :param poll_seconds: time between two measurements.
    """

    def __init__(
        self,
        *,
        pipeline: str,
        version: int,
        mode: Mode,
        started: str,
        window_minutes: float,
        poll_seconds: float,
    ) -> None:
        super().__init__()
        self.pipeline = pipeline
        self.version = version
        self.mode = mode
        self.started = started
        self.window_minutes = window_minutes
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        names = ("pipeline", "version", "mode", "started", "window_minutes", "poll_seconds")
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        return path, {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        from airworthy_airflow.tasks import release

        watch = await asyncio.to_thread(
            release.canary_watch, self.pipeline, self.version, self.mode, self.window_minutes
        )
        started = datetime.fromisoformat(self.started)
        while True:
            minutes = (datetime.now(UTC) - started).total_seconds() / 60
            found = await asyncio.to_thread(watch.look, minutes)
            if found is not None:
                yield TriggerEvent(found.as_event())
                return
            await asyncio.sleep(self.poll_seconds)
