"""The canary's trigger: it looks again and again, and survives its triggerer."""

from __future__ import annotations

import json
from typing import Any

from releases import MEASURED

from airworthy.release.watch import Finding
from airworthy_airflow.tasks import release
from airworthy_airflow.triggers.canary import CanaryTrigger


async def test_the_trigger_looks_until_there_is_something_to_say(monkeypatch):
    looks: list[float] = []
    opened: list[tuple[Any, ...]] = []

    class FakeWatch:
        @staticmethod
        def look(minutes: float) -> Finding | None:
            looks.append(minutes)
            return Finding("rollback", "slow", MEASURED) if len(looks) == 3 else None

    def canary_watch(*wanted: Any) -> Any:
        opened.append(wanted)
        return FakeWatch

    monkeypatch.setattr(release, "canary_watch", canary_watch)
    trigger = CanaryTrigger(
        pipeline="flights",
        version=2,
        mode="guard",
        started="2026-01-01T00:00:00+00:00",
        window_minutes=1,
        poll_seconds=0.01,
    )
    again = CanaryTrigger(**trigger.serialize()[1])  # a triggerer that was killed makes it anew from this
    [event] = [event.payload async for event in again.run()]
    assert Finding.from_event(json.loads(json.dumps(event))) == Finding("rollback", "slow", MEASURED)
    assert len(looks) == 3
    assert looks[0] > 60 * 24, "minutes count from the window's begin, also after a restart"
    assert opened == [("flights", 2, "guard", 1)]
