"""Files of one source that are dealt with together: what they hold, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Literal

from airworthy.ingest.faults import FileFault, RowFault
from airworthy.ingest.sources.files import Landed


@dataclass(frozen=True)
class Content:
    """A file that was read."""

    landed: Landed
    data: bytes
    checksum: str

    @classmethod
    def of(cls, landed: Landed, data: bytes) -> Content:
        """With its checksum: sha256 of the bytes as they lie in the landing zone."""
        return cls(landed, data, sha256(data).hexdigest())

    @property
    def id(self) -> str:
        """Name and content: the transaction that a commit of its rows carries."""
        return f"{self.landed.path}#{self.checksum[:16]}"


@dataclass(frozen=True)
class Judged:
    """A file's outcome. ``fault`` set: none of its rows are taken."""

    content: Content
    rows: int = 0
    fault: FileFault | None = None
    row_faults: tuple[RowFault, ...] = ()
    note: str = ""

    @property
    def status(self) -> Literal["accepted", "quarantined"]:
        """Whether any of its rows may be taken."""
        return "quarantined" if self.fault else "accepted"

    @property
    def bad_rows(self) -> int:
        """Rows with a fault; one with several counts once."""
        return len({fault.row for fault in self.row_faults})

    @property
    def reason(self) -> str:
        """Why it was refused, or what a person should know of it; may be empty."""
        if not self.fault:
            return self.note
        return self.fault.reason if self.fault.row is None else f"row {self.fault.row}: {self.fault.reason}"


@dataclass(frozen=True)
class Batch:
    """Files that are dealt with together: one commit in each table.

    Attributes:
        files: what became of each.
        at: when, UTC.
    """

    files: tuple[Judged, ...]
    at: datetime

    @cached_property
    def id(self) -> str:
        """The same for the same contents under the same names: 16 hex digits."""
        return sha256("\n".join(sorted(one.content.id for one in self.files)).encode()).hexdigest()[:16]
