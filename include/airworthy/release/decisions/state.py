"""What should serve according to the ledger: pure functions from its entries to the registry's aliases.

The ledger is written first and the aliases follow, so whatever a crash leaves undone can be read off here.
"""

from __future__ import annotations

from collections.abc import Sequence

from airworthy.ledger.events import CHAMPION_EVENTS, Entry
from airworthy.release.decisions.approval import CLOSING
from airworthy.traffic.serving_state import ServingState


def desired_state(entries: Sequence[Entry]) -> ServingState:
    """Fold one pipeline's entries, in order, into the state they ask for.

    A restored champion ends a running canary: what it was compared with serves no longer.
    """
    state = ServingState()
    for entry in entries:
        if entry.event in CHAMPION_EVENTS:
            keep = entry.event == "promoted" and state.release_id not in (None, entry.release_id)
            state = (
                ServingState(entry.version, state.challenger, state.canary_percent, state.release_id)
                if keep
                else ServingState(entry.version)
            )
        elif entry.event == "canary_started":
            percent = float(entry.details["percent"])
            state = ServingState(state.champion, entry.version, percent, entry.release_id)
        elif entry.event in CLOSING and entry.release_id == state.release_id:
            state = ServingState(state.champion)
    return state


def closing_entry(entries: Sequence[Entry], release_id: str) -> Entry | None:
    """The entry that ended a release, or None while it is open: its own, or a champion restored meanwhile."""
    begun = False
    for entry in entries:
        mine = entry.release_id == release_id
        if mine and entry.event in CLOSING:
            return entry
        if begun and entry.event == "restored":
            return entry
        begun = begun or (mine and entry.event == "candidate")
    return None


def open_releases(entries: Sequence[Entry]) -> list[Entry]:
    """The candidate entries of releases that are not decided, oldest first."""
    return [e for e in entries if e.event == "candidate" and closing_entry(entries, e.release_id) is None]


def find(entries: Sequence[Entry], release_id: str, event: str) -> Entry | None:
    """The first entry of this kind in a release."""
    return next((e for e in entries if e.release_id == release_id and e.event == event), None)


def champions(entries: Sequence[Entry]) -> list[Entry]:
    """The champions one could go back to, the current one last.

    Going back removes what was gone back from: after 1, 2, 3 and back to 2, the one before is 1 and not 3.
    """
    stack: list[Entry] = []
    for entry in entries:
        if entry.event not in CHAMPION_EVENTS:
            continue
        if entry.event == "restored" and any(e.version == entry.version for e in stack):
            while stack[-1].version != entry.version:
                stack.pop()
            continue
        stack.append(entry)
    return stack


def outdated(entries: Sequence[Entry], version: int) -> list[tuple[Entry, int]]:
    """Open releases that a newer version overtakes once ``version`` has entered, each with that newer version.

    Usually older candidates that still wait. When a newer version waits or was promoted already, ``version`` itself.
    A bootstrapped champion overtakes nobody: in some older registries the baseline is the later version.
    """
    waiting = open_releases(entries)
    newest = max([version, *(e.version for e in waiting), *(e.version for e in entries if e.event == "promoted")])
    return [(e, newest) for e in waiting if e.version < newest and e.version <= version]


def restorable(entries: Sequence[Entry], to_version: int | None) -> int | None:
    """The champion to go back to: ``to_version`` if it ever was one, else the one before the current; None if none."""
    if to_version is not None:
        served = any(e.event in CHAMPION_EVENTS and e.version == to_version for e in entries)
        return to_version if served else None
    line = champions(entries)
    return line[-2].version if len(line) > 1 else None
