"""Who may let a version into production, and whether enough of them did: pure functions over the ledger's entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from airworthy.ledger.events import Entry
    from airworthy.spec.release import Release

Answer = Literal["approve", "reject"]

#: Events after which a release is over; an approval given before or after them counts no more.
CLOSING = frozenset({"refused", "rejected", "timed_out", "voided", "superseded", "rolled_back", "promoted"})


@dataclass(frozen=True)
class Decision:
    """Yes or no, and why in one sentence."""

    allowed: bool
    reason: str


def may_decide(
    user: str, policy: Release, triggered_by: str, earlier: Sequence[str] = (), *, answer: Answer = "approve"
) -> Decision:
    """May ``user`` give this answer?

    Args:
        user: the name under which Airflow authenticated them.
        policy: approvers, and whether the one who started the training is among them.
        triggered_by: who started the training; empty for a schedule.
        earlier: users whose approval of this version and evidence is recorded already.
        answer: approving takes more than rejecting: one's own training can always be rejected.
    """
    if user not in policy.approvers:
        return Decision(False, f"{user!r} is not among the approvers {sorted(set(policy.approvers))}")
    if answer == "reject":
        return Decision(True, f"{user} may reject")
    if user == triggered_by and not policy.trigger_may_approve:
        return Decision(False, f"{user} started this training, and the policy wants somebody else's approval")
    if user in earlier:
        return Decision(False, f"{user} has approved already; {policy.approvals_required} different people are needed")
    return Decision(True, f"{user} may approve")


def approvals(entries: Sequence[Entry], version: int, digest: str) -> list[Entry]:
    """The recorded approvals of exactly this version and this evidence, in order."""
    return [
        entry
        for entry in entries
        if entry.event == "approved" and entry.version == version and entry.details.get("digest") == digest
    ]


def approved(entries: Sequence[Entry], version: int, digest: str, policy: Release, triggered_by: str) -> Decision:
    """Do the records let ``version`` serve?

    Every approval is judged again by the policy as it is now: somebody taken off the list of approvers since then
    no longer counts.

    Args:
        entries: the ledger's entries of this release, in order.
        version: the version to promote.
        digest: digest of the evidence the request showed; empty when there was no request.
        policy: the rules.
        triggered_by: who started the training; empty for a schedule.
    """
    closed = next((e for e in entries if e.version == version and e.event in CLOSING), None)
    if closed is not None:
        return Decision(False, f"v{version} is closed: {closed.event} by {closed.actor}: {closed.reason}")
    if not digest:
        return Decision(False, f"nobody was asked for approval of v{version}")
    counted: list[str] = []
    refused: list[str] = []
    for entry in approvals(entries, version, digest):
        answer = may_decide(entry.actor, policy, triggered_by, counted)
        if answer.allowed:
            counted.append(entry.actor)
        else:
            refused.append(answer.reason)
    if len(counted) < policy.approvals_required:
        aside = f"; not counted: {'; '.join(refused)}" if refused else ""
        return Decision(
            False,
            f"v{version} with evidence {digest[:12]} has {len(counted)} of {policy.approvals_required} "
            f"approvals {counted}{aside}",
        )
    return Decision(True, f"approved by {' and '.join(counted)}")
