"""What should serve, read off the ledger's entries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airworthy.ledger.events import Entry, Event, release_id
from airworthy.release.decisions import state
from airworthy.traffic.serving_state import ServingState


def entries(*events: tuple[Event, int]) -> list[Entry]:
    """Entries of `flights`, in this order."""

    def entry(position: int, event: Event, version: int) -> Entry:
        details: dict[str, Any] = {"percent": 5.0} if event == "canary_started" else {}
        return Entry(
            position=position,
            time=datetime(2026, 1, 1, tzinfo=UTC),
            pipeline="flights",
            release_id=release_id("flights", version),
            version=version,
            event=event,
            actor="airworthy",
            reason="",
            details=details,
            key=str(position),
            previous_hash="",
            hash="",
        )

    return [entry(position, *each) for position, each in enumerate(events, 1)]


CANARY = entries(("bootstrapped", 1), ("candidate", 2), ("canary_started", 2))


def test_a_started_canary_is_wanted_until_its_release_is_closed() -> None:
    assert state.desired_state(CANARY) == ServingState(1, 2, 5.0, "flights-v2")
    assert state.desired_state([*CANARY, *entries(("superseded", 2))]) == ServingState(1)
    assert state.desired_state([*CANARY, *entries(("promoted", 2))]) == ServingState(2)
    assert state.desired_state([*CANARY, *entries(("rejected", 3))]) == ServingState(1, 2, 5.0, "flights-v2")


def test_a_promotion_leaves_another_releases_canary_and_a_restored_champion_ends_it() -> None:
    assert state.desired_state([*CANARY, *entries(("promoted", 4))]) == ServingState(4, 2, 5.0, "flights-v2")
    assert state.desired_state([*CANARY, *entries(("restored", 1))]) == ServingState(1)


def test_going_back_removes_what_was_gone_back_from() -> None:
    line = entries(("bootstrapped", 1), ("promoted", 2), ("promoted", 3), ("restored", 2))
    assert [entry.version for entry in state.champions(line)] == [1, 2]
    assert state.restorable(line, None) == 1
    assert state.restorable(line, 3) == 3
    assert state.restorable(line, 9) is None


def test_a_restored_champion_closes_the_releases_that_had_begun_before_it() -> None:
    found = entries(("candidate", 2), ("restored", 1), ("candidate", 3))
    assert state.closing_entry(found, "flights-v2") == found[1]
    assert state.closing_entry(found, "flights-v3") is None


@pytest.mark.parametrize(
    ("before", "enters", "outdated"),
    [
        ([("candidate", 2), ("candidate", 3)], 3, [(2, 3)]),
        ([("candidate", 3), ("candidate", 2)], 2, [(2, 3)]),
        ([("promoted", 3), ("candidate", 2)], 2, [(2, 3)]),
        # an older registry, whose baseline is a later version than its first candidate
        ([("bootstrapped", 2), ("candidate", 1)], 1, []),
    ],
    ids=["an older one waits", "a newer one waits", "a newer one was promoted", "the baseline is later"],
)
def test_who_is_overtaken_when_a_candidate_enters(
    before: list[tuple[Event, int]], enters: int, outdated: list[tuple[int, int]]
) -> None:
    found = state.outdated(entries(*before), enters)
    assert [(entry.version, newer) for entry, newer in found] == outdated
