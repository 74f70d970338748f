"""What is remembered about files: the log of files dealt with, and the quarantine of what was refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from airworthy.ingest.sources.files import Landed
from airworthy.lake import tables
from airworthy.lake.lake import Lake

US = pa.timestamp("us", "UTC")
FILES = pa.schema(
    {
        "source": pa.string(),
        "path": pa.string(),  # below the landing zone
        "size": pa.int64(),
        "modified": US,
        "checksum": pa.string(),  # sha256 of the content
        "status": pa.string(),  # accepted, quarantined
        "rows": pa.int64(),
        "quarantined_rows": pa.int64(),
        "table_version": pa.int64(),  # of the raw table that holds the rows
        "reason": pa.string(),
        "batch": pa.string(),
        "at": US,
    }
)
QUARANTINE = pa.schema(
    {
        "file": pa.string(),
        "row": pa.int64(),  # line number, the header is 1; null for the whole file
        "column": pa.string(),
        "value": pa.string(),
        "reason": pa.string(),
        "raw": pa.string(),  # the line as it stands in the file
        "checksum": pa.string(),
        "batch": pa.string(),
        "at": US,
    }
)


@dataclass
class _History:
    checksums: set[str] = field(default_factory=set)
    stamps: set[tuple[int, datetime]] = field(default_factory=set)
    accepted: bool = False


class FileLog:
    """The files of one source that earlier runs dealt with."""

    def __init__(self, lake: Lake, pipeline: str, source: str) -> None:
        self._known: dict[str, _History] = {}
        table = tables.ingested(pipeline)
        if not lake.exists(table):
            return
        columns = ["path", "size", "modified", "checksum", "status"]
        for row in lake.read(table, columns=columns, filters=[("source", "=", source)]).to_pylist():
            history = self._known.setdefault(row["path"], _History())
            history.checksums.add(row["checksum"])
            history.stamps.add((row["size"], row["modified"]))
            history.accepted |= row["status"] == "accepted"

    def knows(self, file: Landed) -> bool:
        """Was a file of this name, size and modification time dealt with? (Spares reading it again.)"""
        history = self._known.get(file.path)
        return history is not None and (file.size, file.modified) in history.stamps

    def knows_content(self, path: str, checksum: str) -> bool:
        """Was this very content dealt with under this name?"""
        history = self._known.get(path)
        return history is not None and checksum in history.checksums

    def accepted(self, path: str) -> bool:
        """Are rows of a file of this name in the raw table?"""
        history = self._known.get(path)
        return history is not None and history.accepted


def rows(schema: pa.Schema, records: Iterable[dict[str, object]]) -> pa.Table:
    """Records as a table of that schema."""
    return pa.Table.from_pylist(list(records), schema=schema)


def describe_quarantine(lake: Lake, pipeline: str, sources: Iterable[str], *, shown: int = 10) -> str:
    """What was refused and why, for a person: by source the counts by reason, then the newest entries.

    Args:
        lake: where the quarantine is.
        pipeline: name.
        sources: names.
        shown: entries listed for each source.
    """
    lines = []
    for source in sources:
        table = tables.quarantine(pipeline, source)
        if not lake.exists(table):
            lines.append(f"{source}: nothing in quarantine")
            continue
        entries = lake.read(table).sort_by([("at", "descending"), ("file", "ascending"), ("row", "ascending")])
        reasons = entries.group_by(["column", "reason"]).aggregate([("file", "count"), ("file", "count_distinct")])
        lines.append(f"{source}: {entries.num_rows:,} entries")
        for row in reasons.sort_by([("file_count", "descending")]).slice(0, shown).to_pylist():
            what = f"{row['column']} {row['reason']}" if row["column"] else row["reason"]
            lines.append(f"  {row['file_count']:,} in {row['file_count_distinct']:,} files: {what}")
        for row in entries.slice(0, shown).to_pylist():
            where = row["file"] if row["row"] is None else f"{row['file']}:{row['row']}"
            value = "" if row["value"] is None else f" {row['value']!r}"
            lines.append(f"    {where}: {row['column'] or ''}{value} {row['reason']}")
    return "\n".join(lines)
