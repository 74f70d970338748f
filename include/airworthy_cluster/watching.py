"""Watches: changes of the store as lines of JSON, as one client sees them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

import anyio

from airworthy_cluster import selection
from airworthy_cluster.errors import ApiError
from airworthy_cluster.store import Change, Obj, Store


async def lines(
    store: Store,
    plural: str,
    *,
    since: int | None,
    seconds: float,
    visible: selection.Predicate,
    shown: Callable[[Obj], Obj],
) -> AsyncIterator[bytes]:
    """Watch events until ``seconds`` have passed or the cluster ends.

    Args:
        since: the version after which to begin; none for all that is there, then what changes.
        visible: the objects that this client asked for.
        shown: what an object is sent as, e.g. a table.
    """
    try:
        with anyio.move_on_after(seconds):
            async for change in store.watch(plural, since):
                if kind := _seen_as(change, visible):
                    yield _line(kind, shown(change.object))
    except ApiError as error:
        yield _line("ERROR", error.status())


def _line(kind: str, body: Obj) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


def _seen_as(change: Change, visible: selection.Predicate) -> str | None:
    """What a change is for a client that sees only some objects: one that stops matching is deleted for it."""
    before = change.before is not None and visible(change.before)
    after = change.type != "DELETED" and visible(change.object)
    if after:
        return "MODIFIED" if before else "ADDED"
    return "DELETED" if before else None
