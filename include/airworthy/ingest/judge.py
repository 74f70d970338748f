"""One batch of files of one source, judged: which rows go into the raw table, which into quarantine, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256

import numpy as np
import pyarrow as pa

from airworthy.ingest import row_contract as contract
from airworthy.ingest.formats.csv import FileFault, Parsed, RowFault, locate, parse, unpack
from airworthy.ingest.sources.files import Landed
from airworthy.spec.sources import Source

MAX_BAD = 0.5  # of a file's rows; above, something is wrong with the file rather than with rows

COPY = "repeats a key that is there already; the first copy is kept"


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


@dataclass(frozen=True)
class Judgement:
    """A batch's outcome.

    Attributes:
        files: in the order given.
        rows: the good rows, typed, with ``_file`` (path below the landing zone).
    """

    files: tuple[Judged, ...]
    rows: pa.Table


def judge(
    contents: list[Content],
    source: Source,
    existing_keys: Callable[[pa.Table], pa.Table | None],
    *,
    max_bad: float = MAX_BAD,
) -> Judgement:
    """Check whole files, then rows, then keys.

    Args:
        contents: files; of two rows with the same key the one in the earlier file is kept.
        source: the contract.
        existing_keys: given the good rows, the key columns of those rows of the raw table that may have equal keys.
        max_bad: a file with a greater share of bad rows is refused as a whole. Repeated keys do not count.
    """
    columns = list(source.columns)
    parsed: dict[int, Parsed] = {}
    judged: dict[int, Judged] = {}
    for number, content in enumerate(contents):
        data = unpack(content.landed.path, content.data)
        outcome = data if isinstance(data, FileFault) else parse(data, columns)
        if isinstance(outcome, FileFault):
            judged[number] = Judged(content, fault=outcome)
        else:
            parsed[number] = outcome
    text = pa.concat_tables([pa.table({c: pa.array([], pa.string()) for c in columns}), *_tables(parsed)])
    numbers = np.repeat(list(parsed), [one.table.num_rows for one in parsed.values()]).astype(np.int64)
    positions = np.concatenate([np.arange(0), *(np.arange(one.table.num_rows) for one in parsed.values())])

    rows, faults = contract.check(text, source.columns)
    by_file: dict[int, list[_Found]] = {number: [] for number in parsed}
    for fault in faults:
        found = _Found(int(positions[fault.row]), fault.column, fault.value, fault.reason)
        by_file[int(numbers[fault.row])].append(found)
    for number, found_here in by_file.items():
        judged[number] = _judge_rows(contents[number], parsed[number], found_here, max_bad)
    keep = ~np.isin(numbers, [number for number, one in judged.items() if one.fault])
    keep[[fault.row for fault in faults]] = False
    rows, numbers, positions = rows.filter(pa.array(keep)), numbers[keep], positions[keep]

    copies = contract.repeated(rows, source.key, existing_keys(rows))
    copied: dict[int, list[_Found]] = {}
    key = ", ".join(source.key)
    for row in copies:
        value = ", ".join(str(rows[column][row].as_py()) for column in source.key)
        copied.setdefault(int(numbers[row]), []).append(_Found(int(positions[row]), key, value, COPY))
    keep = np.ones(len(numbers), bool)
    keep[copies] = False
    rows, numbers = rows.filter(pa.array(keep)), numbers[keep]
    counts = Counter(numbers.tolist())
    for number, found_here in copied.items():
        more = _row_faults(contents[number], parsed[number], found_here)
        one = replace(judged[number], row_faults=(*judged[number].row_faults, *more))
        if not counts[number]:
            one = replace(
                one, fault=FileFault(f"no row is left: {len(more):,} rows repeat keys that are there already")
            )
        judged[number] = one
    paths = pa.array([content.landed.path for content in contents], pa.string())
    return Judgement(
        tuple(replace(judged[number], rows=counts[number]) for number in range(len(contents))),
        rows.append_column("_file", paths.take(pa.array(numbers))),
    )


@dataclass(frozen=True)
class _Found:
    position: int  # among the file's well-formed records, from 0
    column: str
    value: str | None
    reason: str


def _tables(parsed: dict[int, Parsed]) -> list[pa.Table]:
    return [one.table for one in parsed.values()]


def _judge_rows(content: Content, parsed: Parsed, found: list[_Found], max_bad: float) -> Judged:
    """The file's outcome from its own rows, before keys are compared."""
    faults = (*parsed.malformed, *_row_faults(content, parsed, found))
    total = parsed.table.num_rows + len(parsed.malformed)
    if not total:
        return Judged(content, note="; ".join(["no rows", *_notes(parsed)]))
    last = [one for one in found if one.position == parsed.table.num_rows - 1 and one.column == parsed.last_column]
    if parsed.open_ended and last:
        cut = FileFault(f"the last line is cut off: {last[0].value!r} {last[0].reason}", faults[-1].row, truncated=True)
        return Judged(content, fault=replace(cut, column=last[0].column))
    bad = len({fault.row for fault in faults})
    if bad > max_bad * total:
        reason = f"{bad:,} of {total:,} rows are bad, more than {max_bad:.0%}; the first: {_describe(faults[0])}"
        return Judged(content, fault=FileFault(reason, faults[0].row, faults[0].column), row_faults=faults)
    return Judged(content, row_faults=faults, note="; ".join(_notes(parsed)))


def _row_faults(content: Content, parsed: Parsed, found: list[_Found]) -> tuple[RowFault, ...]:
    """With line number and text; ordered by line. The file is read again for that, so only files with faults are."""
    if not found:
        return ()
    data = unpack(content.landed.path, content.data)
    assert isinstance(data, bytes), "it was unpacked before"
    where = locate(data, {one.position for one in found}, {fault.row for fault in parsed.malformed})
    faults = [RowFault(*where[one.position], one.reason, one.column, one.value) for one in found]
    return tuple(sorted(faults, key=lambda fault: fault.row))


def _describe(fault: RowFault) -> str:
    return f"row {fault.row}: {'' if fault.column is None else f'{fault.column} {fault.value!r} '}{fault.reason}"


def _notes(parsed: Parsed) -> list[str]:
    notes = []
    if parsed.extra:
        notes.append(f"ignored columns: {', '.join(parsed.extra)}")
    if parsed.open_ended and parsed.table.num_rows:
        notes.append("no newline at the end; taken as complete")
    return notes
