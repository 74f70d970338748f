"""The journal of a source's files: which were dealt with, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from airworthy.ingest.batch import Batch
from airworthy.ingest.sources.files import Landed
from airworthy.lake import tables
from airworthy.lake.lake import Lake

INSTANT = pa.timestamp("us", "UTC")
SCHEMA = pa.schema(
    {
        "source": pa.string(),
        "path": pa.string(),  # below the landing zone
        "size": pa.int64(),
        "modified": INSTANT,
        "checksum": pa.string(),  # sha256 of the content
        "status": pa.string(),  # accepted, quarantined
        "rows": pa.int64(),
        "quarantined_rows": pa.int64(),
        "table_version": pa.int64(),  # of the raw table that holds the rows
        "reason": pa.string(),
        "batch": pa.string(),
        "at": INSTANT,
    }
)


@dataclass
class _History:
    checksums: set[str] = field(default_factory=set)
    stamps: set[tuple[int, datetime]] = field(default_factory=set)
    accepted: bool = False


class Journal:
    """What earlier runs did with the files of one source, read once."""

    def __init__(self, lake: Lake, pipeline: str, source: str) -> None:
        self._lake = lake
        self._table = tables.ingested(pipeline)
        self._source = source
        self._known: dict[str, _History] = {}
        if not lake.exists(self._table):
            return
        columns = ["path", "size", "modified", "checksum", "status"]
        for row in lake.read(self._table, columns=columns, filters=[("source", "=", source)]).to_pylist():
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

    def commit(self, batch: Batch, version: int | None) -> None:
        """Write down what became of a batch's files; what was read before stays as it was.

        Args:
            batch: the files.
            version: of the raw table that holds the accepted ones' rows.
        """
        records: list[dict[str, object]] = [
            {
                "source": self._source,
                "path": one.content.landed.path,
                "size": one.content.landed.size,
                "modified": one.content.landed.modified,
                "checksum": one.content.checksum,
                "status": one.status,
                "rows": one.rows,
                "quarantined_rows": one.bad_rows,
                "table_version": None if one.fault else version,
                "reason": one.reason,
                "batch": batch.id,
                "at": batch.at,
            }
            for one in batch.files
        ]
        self._lake.append(
            self._table,
            pa.Table.from_pylist(records, schema=SCHEMA),
            transaction={f"{self._source}:{one.content.id}": 1 for one in batch.files},
        )
