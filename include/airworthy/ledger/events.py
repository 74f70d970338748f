"""What the ledger records: the kinds of event, and one entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

Event = Literal[
    "candidate",
    "staged",
    "refused",
    "canary_started",
    "verdict",
    "approval_requested",
    "approved",
    "rejected",
    "not_counted",
    "timed_out",
    "voided",
    "superseded",
    "promoted",
    "rolled_back",
    "restored",
    "bootstrapped",
]
EVENTS: tuple[Event, ...] = get_args(Event)

#: Events after which another version is the champion.
CHAMPION_EVENTS: frozenset[Event] = frozenset({"bootstrapped", "promoted", "restored"})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row. ``time`` is UTC; ``details`` is whatever the event needs, as JSON."""

    position: int
    time: datetime
    pipeline: str
    release_id: str
    version: int
    event: Event
    actor: str
    reason: str
    details: Mapping[str, Any]
    key: str
    previous_hash: str
    hash: str

    def as_json(self) -> dict[str, Any]:
        """The entry as JSON knows it, for people and other programs."""
        return {**asdict(self), "time": self.time.isoformat(), "details": dict(self.details)}
