"""People's answers: each one judged and written down, counted or not, and whether they add up to an approval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airworthy.errors import Final
from airworthy.release.decisions import approval, rules, state
from airworthy.release.decisions.approval import Decision
from airworthy.release.record import SYSTEM, ReleaseRecord

if TYPE_CHECKING:
    from airworthy.ledger.events import Entry, Event
    from airworthy.release.decisions.rules import Precondition
    from airworthy.spec.release import Release


class NotApproved(Final):
    """The ledger holds no sufficient approval of this version with this evidence."""


@dataclass(frozen=True, kw_only=True)
class Response:
    """One person's answer to a request for approval.

    Attributes:
        user: as Airflow authenticated them.
        answer: what they chose.
        digest: of the evidence they saw.
        reason: theirs, kept in the ledger.
        task_id: the task that asked; makes the second run of a killed task the same answer.
    """

    user: str
    answer: approval.Answer
    digest: str
    reason: str = ""
    task_id: str = ""


def record(releases: ReleaseRecord, policy: Release, version: int, response: Response) -> Decision:
    """Judge an answer and write it down; one that does not count is written down as that.

    Returns:
        Whether it counts, and why.
    """
    release_id, user = releases.release_id(version), response.user
    event: Event = "approved" if response.answer == "approve" else "rejected"
    mark = f"{user}:{response.digest[:16]}:{response.task_id}"
    key = f"{release_id}:{event}:{mark}" if event == "approved" else f"{release_id}:{event}"
    if event == "rejected" and (found := releases.find(version, "rejected")) is not None and found.actor == user:
        return Decision(True, "recorded already")

    counts = rules.may_answer(release_id, response.digest, user, response.answer, policy)
    details = {"digest": response.digest, "task_id": response.task_id}
    try:
        releases.append(version, event, user, response.reason, details, key, counts)
    except rules.DoesNotCount as no:
        details |= {"answer": response.answer, "said": response.reason}
        key = f"{release_id}:not_counted:{user}:{response.answer}:{response.digest[:16]}:{response.task_id}"
        releases.append(version, "not_counted", user, no.message, details, key)
        return Decision(False, no.message)
    return Decision(True, f"{event} by {user}")


def time_out(releases: ReleaseRecord, policy: Release, version: int) -> Decision:
    """No answer in time is a no, unless enough people have approved already; whether it became one."""
    if (approved := given(releases.entries(), releases.release_id(version), version, policy)).allowed:
        return Decision(False, approved.reason)
    is_asked = rules.must_be_open(releases.release_id(version), after="approval_requested")
    reason = f"nobody answered within {policy.approval_timeout_hours:g} h"
    releases.once(version, "timed_out", SYSTEM, reason, precondition=is_asked)
    return Decision(True, "timed out")


def given(entries: Sequence[Entry], release_id: str, version: int, policy: Release) -> Decision:
    """Do the pipeline's entries let this version serve?"""
    if (closed := state.closing_entry(entries, release_id)) is not None:
        return Decision(False, rules.in_words(closed))
    return approval.approved(
        [entry for entry in entries if entry.release_id == release_id],
        version,
        rules.requested_digest(entries, release_id),
        policy,
        rules.triggered_by(entries, release_id),
    )


def must_be_given(release_id: str, version: int, policy: Release) -> Precondition:
    """Enough people approved exactly this version with exactly the evidence they were asked with."""

    def holds(entries: Sequence[Entry]) -> None:
        decision = given(entries, release_id, version, policy)
        if not decision.allowed:
            raise NotApproved(
                f"{release_id} may not be promoted: {decision.reason}",
                next_step="answer in Required Actions, or `airworthy approve`; docs/runbook.md#not-approved",
            )

    return holds
