"""The quarantine: what was refused of a source's files, row by row, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from airworthy.ingest.batch import Batch, Judged
from airworthy.lake import tables
from airworthy.lake.lake import Lake

SCHEMA = pa.schema(
    {
        "file": pa.string(),
        "row": pa.int64(),  # line number, the header is 1; null for the whole file
        "column": pa.string(),
        "value": pa.string(),
        "reason": pa.string(),
        "raw": pa.string(),  # the line as it stands in the file
        "checksum": pa.string(),
        "batch": pa.string(),
        "at": pa.timestamp("us", "UTC"),
    }
)


def commit(lake: Lake, pipeline: str, source: str, batch: Batch) -> None:
    """Add the faults of a batch's files, in one commit; those of files that are there already are left out."""
    table = tables.quarantine(pipeline, source)
    refused = [one for one in batch.files if one.fault or one.row_faults]
    done = lake.committed(table, {one.content.id: 1 for one in refused})
    missing = [one for one in refused if one.content.id not in done]
    if not missing:
        return
    records = [
        {"file": one.content.landed.path, "checksum": one.content.checksum, "batch": batch.id, "at": batch.at, **entry}
        for one in missing
        for entry in _entries(one)
    ]
    lake.append(
        table,
        pa.Table.from_pylist(records, schema=SCHEMA),
        transaction={one.content.id: 1 for one in missing},
    )


def _entries(judged: Judged) -> Iterator[dict[str, object]]:
    if judged.fault:
        yield {"row": judged.fault.row, "column": judged.fault.column, "reason": judged.fault.reason}
    for fault in judged.row_faults:
        yield {
            "row": fault.row,
            "column": fault.column,
            "value": fault.value,
            "reason": fault.reason,
            "raw": fault.raw,
        }


def describe(lake: Lake, pipeline: str, sources: Iterable[str], *, shown: int = 10) -> str:
    """What was refused and why, for a person: by source the counts by reason, then the newest entries.

    Args:
        lake: where the quarantine is.
        pipeline: name.
        sources: names.
        shown: entries listed for each source.
    """
    return "\n".join(line for source in sources for line in _describe(lake, pipeline, source, shown))


def _describe(lake: Lake, pipeline: str, source: str, shown: int) -> Iterator[str]:
    table = tables.quarantine(pipeline, source)
    if not lake.exists(table):
        yield f"{source}: nothing in quarantine"
        return
    entries = lake.read(table).sort_by([("at", "descending"), ("file", "ascending"), ("row", "ascending")])
    reasons = entries.group_by(["column", "reason"]).aggregate([("file", "count"), ("file", "count_distinct")])
    yield f"{source}: {entries.num_rows:,} entries"
    for row in reasons.sort_by([("file_count", "descending")]).slice(0, shown).to_pylist():
        what = f"{row['column']} {row['reason']}" if row["column"] else row["reason"]
        yield f"  {row['file_count']:,} in {row['file_count_distinct']:,} files: {what}"
    for row in entries.slice(0, shown).to_pylist():
        where = row["file"] if row["row"] is None else f"{row['file']}:{row['row']}"
        value = "" if row["value"] is None else f" {row['value']!r}"
        yield f"    {where}: {row['column'] or ''}{value} {row['reason']}"
