"""What must hold before an entry is written: preconditions on the pipeline's entries, asked while nobody can write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from airworthy.errors import AirworthyError
from airworthy.ledger.events import Entry, Event
from airworthy.release.decisions import approval, state

if TYPE_CHECKING:
    from airworthy.spec.release import Release

#: Raises what speaks against an entry, given the pipeline's entries so far.
Precondition = Callable[[Sequence[Entry]], None]


class ReleaseClosed(AirworthyError):
    """The release is over; nothing more can be done with it."""


class OutOfOrder(AirworthyError):
    """A step of the release was skipped."""


class DoesNotCount(AirworthyError):
    """An answer that changes nothing."""


class HasChampion(AirworthyError):
    """There is a champion already."""


def in_words(entry: Entry) -> str:
    """An entry in words, for a reason."""
    return f"{entry.release_id} is over: {entry.event} by {entry.actor}" + (f": {entry.reason}" if entry.reason else "")


def requested_digest(entries: Sequence[Entry], release_id: str) -> str:
    """Digest of the evidence people were asked with; empty when nobody was asked."""
    requested = state.find(entries, release_id, "approval_requested")
    return str(requested.details["digest"]) if requested else ""


def triggered_by(entries: Sequence[Entry], release_id: str) -> str:
    """Who started the training; empty for a schedule."""
    candidate = state.find(entries, release_id, "candidate")
    return str(candidate.details.get("triggered_by", "")) if candidate else ""


def must_be_open(release_id: str, *, after: Event = "candidate") -> Precondition:
    """The release has got as far as ``after`` and is not decided."""

    def holds(entries: Sequence[Entry]) -> None:
        if (closed := state.closing_entry(entries, release_id)) is not None:
            raise ReleaseClosed(
                in_words(closed), next_step="train again, for a new release; docs/runbook.md#release-closed"
            )
        if state.find(entries, release_id, after) is None:
            raise OutOfOrder(f"{release_id} is not {after} yet", next_step="run the release DAG's tasks in order")

    return holds


def must_have_passed(release_id: str) -> Precondition:
    """The release is open and its canary's verdict is "promote"."""

    def holds(entries: Sequence[Entry]) -> None:
        must_be_open(release_id, after="verdict")(entries)
        verdict = state.find(entries, release_id, "verdict")
        if verdict is None or verdict.details.get("outcome") != "promote":
            found = f"{verdict.details.get('outcome')}: {verdict.reason}" if verdict else "none"
            raise OutOfOrder(
                f"{release_id} needs the canary verdict 'promote' before people are asked, found {found}",
                next_step="roll it back",
            )

    return holds


def must_not_serve(release_id: str) -> Precondition:
    """The release was not promoted."""

    def holds(entries: Sequence[Entry]) -> None:
        if (promoted := state.find(entries, release_id, "promoted")) is not None:
            raise ReleaseClosed(in_words(promoted), next_step="`airworthy rollback` puts the champion before it back")

    return holds


def must_have_no_champion() -> Precondition:
    """The pipeline never had a champion."""

    def holds(entries: Sequence[Entry]) -> None:
        if line := state.champions(entries):
            raise HasChampion(f"v{line[-1].version} is the champion already", next_step="run again")

    return holds


def may_answer(release_id: str, digest: str, user: str, answer: approval.Answer, policy: Release) -> Precondition:
    """The release waits for an answer to this evidence, and ``user`` may give this one."""

    def holds(entries: Sequence[Entry]) -> None:
        if (closed := state.closing_entry(entries, release_id)) is not None:
            raise DoesNotCount(in_words(closed))
        if not (asked := requested_digest(entries, release_id)):
            raise DoesNotCount(f"nobody was asked about {release_id} yet")
        if digest != asked:
            raise DoesNotCount(f"answered with evidence {digest[:12] or '(none)'}, asked with {asked[:12]}")
        mine = [entry for entry in entries if entry.release_id == release_id]
        earlier = [entry.actor for entry in mine if entry.event == "approved" and entry.details.get("digest") == asked]
        decision = approval.may_decide(user, policy, triggered_by(entries, release_id), earlier, answer=answer)
        if not decision.allowed:
            raise DoesNotCount(decision.reason)

    return holds
