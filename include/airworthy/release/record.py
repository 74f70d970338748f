"""One pipeline's part of the ledger: reads and writes the entries of its releases, each kind once per release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airworthy.ledger.events import release_id
from airworthy.release.decisions import state

if TYPE_CHECKING:
    from airworthy.ledger.events import Entry, Event
    from airworthy.ledger.ledger import Ledger
    from airworthy.release.decisions.rules import Precondition

#: Who the ledger names when no person acted.
SYSTEM = "airworthy"


class ReleaseRecord:
    """The entries of one pipeline.

    Args:
        pipeline: its name.
        ledger: where they are.
    """

    def __init__(self, pipeline: str, ledger: Ledger) -> None:
        self.pipeline = pipeline
        self.ledger = ledger

    def release_id(self, version: int) -> str:
        """Name of the one release of a version."""
        return release_id(self.pipeline, version)

    def entries(self) -> list[Entry]:
        """All of the pipeline, in the order in which they were written."""
        return self.ledger.entries(self.pipeline)

    def find(self, version: int, event: Event) -> Entry | None:
        """The first entry of this kind in the version's release."""
        return state.find(self.entries(), self.release_id(version), event)

    def closed(self, version: int) -> Entry | None:
        """The entry that ended the release, or None while it is open."""
        return state.closing_entry(self.entries(), self.release_id(version))

    def append(
        self,
        version: int,
        event: Event,
        actor: str,
        reason: str,
        details: Mapping[str, Any],
        key: str,
        precondition: Precondition | None = None,
    ) -> Entry:
        """Write an entry, unless its key is there; see `Ledger.append`."""
        return self.ledger.append(
            pipeline=self.pipeline,
            release_id=self.release_id(version),
            version=version,
            event=event,
            actor=actor,
            reason=reason,
            details=details,
            key=key,
            precondition=precondition,
        )

    def once(
        self,
        version: int,
        event: Event,
        actor: str,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
        precondition: Precondition | None = None,
    ) -> Entry:
        """Write an event that a release has at most once; the first writing stands."""
        key = f"{self.release_id(version)}:{event}"
        return self.append(version, event, actor, reason, details or {}, key, precondition)
