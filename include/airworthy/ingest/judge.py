"""Judges files of one source: which rows go into the raw table, which into quarantine, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airworthy.ingest import row_contract as contract
from airworthy.ingest.batch import Content, Judged
from airworthy.ingest.faults import FileFault, RowFault, ValueFault
from airworthy.ingest.formats.csv import Parsed, locate, parse, unpack
from airworthy.spec.sources import Source

MAX_BAD = 0.5  # of a file's rows; above, something is wrong with the file rather than with rows

COPY = "repeats a key that is there already; the first copy is kept"


@dataclass(frozen=True)
class Judgement:
    """What was found in files of one source.

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
    judged: dict[int, Judged] = {}
    parsed: dict[int, Parsed] = {}
    for number, content in enumerate(contents):
        outcome = _parse(content, list(source.columns))
        if isinstance(outcome, FileFault):
            judged[number] = Judged(content, fault=outcome)
        else:
            parsed[number] = outcome

    text = _Rows.of(parsed, list(source.columns))
    typed, faults = contract.check(text.table, source.columns)
    faulty = text.by_file(faults)
    for number, one in parsed.items():
        judged[number] = _judge_rows(contents[number], one, faulty.get(number, []), max_bad)
    refused = [number for number, one in judged.items() if one.fault]
    rows = replace(text, table=typed).without([fault.row for fault in faults], files=refused)

    copies = _copies(rows.table, source.key, existing_keys(rows.table))
    copied = rows.by_file(copies)
    rows = rows.without([copy.row for copy in copies])
    counts = Counter(rows.file.tolist())
    for number, found in copied.items():
        judged[number] = _judge_copies(judged[number], parsed[number], found, left=counts[number])
    paths = pa.array([content.landed.path for content in contents], pa.string())
    return Judgement(
        tuple(replace(judged[number], rows=counts[number]) for number in range(len(contents))),
        rows.table.append_column("_file", paths.take(pa.array(rows.file))),
    )


@dataclass(frozen=True)
class _Rows:
    """Rows of several files in one table, and where each is from.

    Attributes:
        table: [n] rows.
        file: [n] the file's place among those that are judged.
        record: [n] the row's place among that file's well-formed records.
    """

    table: pa.Table
    file: NDArray[np.int64]
    record: NDArray[np.int64]

    @classmethod
    def of(cls, parsed: dict[int, Parsed], columns: list[str]) -> _Rows:
        """All rows, as text."""
        empty = pa.table({column: pa.array([], pa.string()) for column in columns})
        lengths = [one.table.num_rows for one in parsed.values()]
        return cls(
            pa.concat_tables([empty, *(one.table for one in parsed.values())]),
            np.repeat(list(parsed), lengths).astype(np.int64),
            np.concatenate([np.arange(0), *(np.arange(length) for length in lengths)]),
        )

    def without(self, rows: list[int], *, files: Sequence[int] = ()) -> _Rows:
        """Without some rows, and without all rows of some files."""
        keep = ~np.isin(self.file, files)
        keep[rows] = False
        return _Rows(self.table.filter(pa.array(keep)), self.file[keep], self.record[keep])

    def by_file(self, faults: list[ValueFault]) -> dict[int, list[ValueFault]]:
        """The faults of each file that has some, their rows counted among its well-formed records."""
        found: dict[int, list[ValueFault]] = {}
        for fault in faults:
            own = replace(fault, row=int(self.record[fault.row]))
            found.setdefault(int(self.file[fault.row]), []).append(own)
        return found


def _parse(content: Content, columns: list[str]) -> Parsed | FileFault:
    data = unpack(content.landed.path, content.data)
    return data if isinstance(data, FileFault) else parse(data, columns)


def _copies(rows: pa.Table, key: list[str], existing: pa.Table | None) -> list[ValueFault]:
    """Rows whose key was there before."""
    name = ", ".join(key)
    return [
        ValueFault(row, name, ", ".join(str(rows[column][row].as_py()) for column in key), COPY)
        for row in contract.repeated(rows, key, existing)
    ]


def _judge_copies(judged: Judged, parsed: Parsed, found: list[ValueFault], *, left: int) -> Judged:
    """The file's outcome once its repeated keys are known; ``left`` of its rows are good."""
    more = _row_faults(judged.content, parsed, found)
    both = replace(judged, row_faults=(*judged.row_faults, *more))
    if left:
        return both
    reason = f"no row is left: {len(more):,} rows repeat keys that are there already"
    return replace(both, fault=FileFault(reason))


def _judge_rows(content: Content, parsed: Parsed, found: list[ValueFault], max_bad: float) -> Judged:
    """The file's outcome from its own rows, before keys are compared."""
    faults = (*parsed.malformed, *_row_faults(content, parsed, found))
    total = parsed.table.num_rows + len(parsed.malformed)
    if not total:
        return Judged(content, note="; ".join(["no rows", *_notes(parsed)]))
    last = [one for one in found if one.row == parsed.table.num_rows - 1 and one.column == parsed.last_column]
    if parsed.open_ended and last:
        cut = FileFault(f"the last line is cut off: {last[0].value!r} {last[0].reason}", faults[-1].row, truncated=True)
        return Judged(content, fault=replace(cut, column=last[0].column))
    bad = len({fault.row for fault in faults})
    if bad > max_bad * total:
        reason = f"{bad:,} of {total:,} rows are bad, more than {max_bad:.0%}; the first: {_describe(faults[0])}"
        return Judged(content, fault=FileFault(reason, faults[0].row, faults[0].column), row_faults=faults)
    return Judged(content, row_faults=faults, note="; ".join(_notes(parsed)))


def _row_faults(content: Content, parsed: Parsed, found: list[ValueFault]) -> tuple[RowFault, ...]:
    """With line number and text; ordered by line. The file is read again for that, so only files with faults are."""
    if not found:
        return ()
    data = unpack(content.landed.path, content.data)
    assert isinstance(data, bytes), "it was unpacked before"
    where = locate(data, {one.row for one in found}, {fault.row for fault in parsed.malformed})
    faults = [RowFault(*where[one.row], one.reason, one.column, one.value) for one in found]
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
