"""What the ledger records: the kinds of event, one entry, and the name of the release it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, get_args

Event = Literal[
    "candidate",
    "staged",  # the model check passed; a name in the chain keeps its meaning for good
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

#: What each event says happened, in the order of a release; `make reference` puts it into docs/reference.
MEANINGS: Mapping[Event, str] = {
    "candidate": "A registered version entered its release. The details hold its tags and who started the training.",
    "staged": "The version kept the model's contract in every check. The details hold each check with what was seen.",
    "refused": "The version broke the contract: no request ever reaches it. The reason names the checks.",
    "canary_started": "The version became the challenger. The details hold its share of the traffic in percent.",
    "verdict": "What the watched window showed: promote, rollback or unclear, with both variants' figures.",
    "approval_requested": "People were asked. The details hold the evidence and its digest; only answers to it count.",
    "approved": "A person let the version serve. The details hold the digest of the evidence that they saw.",
    "rejected": "A person said no. The canary ends, the champion stays.",
    "not_counted": "An answer that changes nothing, and why: the wrong person, other evidence, or too late.",
    "timed_out": "Nobody answered in time, and that is a no. The canary ends.",
    "voided": "The guard saw a breach while people were deciding. The request is void and the canary ends.",
    "superseded": "A newer candidate came while this one waited. Its canary ends.",
    "promoted": "The version became the champion. The details hold who approved and the version before.",
    "rolled_back": "The release ended without a promotion. The canary ends, the champion stays.",
    "restored": "A person put an earlier champion back (`airworthy rollback`). A running canary ends.",
    "bootstrapped": "The first champion: a baseline, or the version that already served when the ledger began.",
}

#: Events after which another version is the champion.
CHAMPION_EVENTS: frozenset[Event] = frozenset({"bootstrapped", "promoted", "restored"})


def release_id(pipeline: str, version: int | str) -> str:
    """Name of the one release of a version, which is also the id of its Dag run.

    Args:
        version: in the registry; a template of one where Airflow fills it in.
    """
    return f"{pipeline}-v{version}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row.

    Attributes:
        position: 1, 2, 3, ... without a gap.
        time: when it was written, UTC; never earlier than the entry before.
        pipeline: whose release it is.
        release_id: the release, e.g. ``flight_delays-v7``.
        version: the version in the registry.
        event: what happened.
        actor: the user as Airflow knows them, or ``airworthy`` where no person acted.
        reason: why, in a sentence.
        details: what else the event needs, as JSON.
        key: makes the entry one of its kind; writing it again changes nothing.
        previous_hash: hash of the entry before; 64 zeros for the first.
        hash: SHA-256 of everything above, as canonical JSON.
    """

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
