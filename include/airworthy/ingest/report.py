"""What one ingestion did, for people and for the next task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from airworthy.ingest.batch import Judged

SHOWN = 20  # files that a summary names; all of them are in the lake


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file in this run.

    ``accepted``: its good rows are in the raw table. ``quarantined``: none of its rows are. ``pending``: still being
    written, the next run looks again.
    """

    source: str
    path: str
    status: Literal["accepted", "quarantined", "pending"]
    rows: int = 0
    quarantined_rows: int = 0
    reason: str = ""

    @classmethod
    def of(cls, source: str, judged: Judged) -> FileOutcome:
        """Of a file that was dealt with."""
        return cls(source, judged.content.landed.path, judged.status, judged.rows, judged.bad_rows, judged.reason)


@dataclass(frozen=True)
class IngestReport:
    """What one ingestion did.

    Attributes:
        pipeline: name.
        files: new files of this run, in the order they were taken.
        skipped: files that an earlier run had dealt with.
        versions: Delta version of each source's raw table after the run; a source without table is left out.
    """

    pipeline: str
    files: tuple[FileOutcome, ...]
    skipped: int
    versions: Mapping[str, int]

    @property
    def ingested(self) -> int:
        """Files accepted."""
        return sum(file.status == "accepted" for file in self.files)

    @property
    def quarantined(self) -> int:
        """Files of which no row was taken."""
        return sum(file.status == "quarantined" for file in self.files)

    @property
    def pending(self) -> int:
        """Files still being written."""
        return sum(file.status == "pending" for file in self.files)

    @property
    def rows(self) -> int:
        """Rows added to raw tables."""
        return sum(file.rows for file in self.files)

    @property
    def quarantined_rows(self) -> int:
        """Rows quarantined one by one, those of quarantined files included where they were told apart."""
        return sum(file.quarantined_rows for file in self.files)

    @property
    def changed(self) -> bool:
        """Is there anything new for the features?"""
        return self.rows > 0

    def summary(self) -> str:
        """A few lines: the counts by source, then every file that a person should look at."""
        lines = [
            f"{self.pipeline}: {self.ingested} files ingested, {self.skipped} known, {self.pending} pending, "
            f"{self.quarantined} quarantined; {self.rows:,} rows, {self.quarantined_rows:,} rows quarantined"
        ]
        rows: Counter[str] = Counter()
        for file in self.files:
            rows[file.source] += file.rows
        for source, version in self.versions.items():
            lines.append(f"  {source}: +{rows[source]:,} rows, version {version}")
        notable = [file for file in self.files if file.reason or file.quarantined_rows]
        for file in notable[:SHOWN]:
            rejected = f", {file.quarantined_rows:,} rows quarantined" if file.quarantined_rows else ""
            lines.append(f"  {file.path}: {file.status}{rejected}{': ' if file.reason else ''}{file.reason}")
        if len(notable) > SHOWN:
            lines.append(f"  and {len(notable) - SHOWN} more in the table {self.pipeline}/ingested")
        return "\n".join(lines)
