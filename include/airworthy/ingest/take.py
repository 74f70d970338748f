"""Everything landed and not yet processed goes into the raw tables, or into quarantine; once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from airworthy.ingest import journal
from airworthy.ingest.formats.csv import FileFault
from airworthy.ingest.judge import Content, Judged, Judgement, judge
from airworthy.ingest.report import FileOutcome, IngestReport
from airworthy.ingest.sources.files import Landed, Landing, Settle
from airworthy.lake import tables
from airworthy.lake.errors import LakeConflict
from airworthy.lake.lake import Lake
from airworthy.spec.pipeline import PipelineSpec
from airworthy.spec.sources import Source

if TYPE_CHECKING:
    from airworthy.settings import Settings

BATCH_BYTES = 256 * 1024 * 1024  # read and committed at once; bounds memory when a year has piled up
LOCK = "airworthy.ingest"
ATTEMPTS = 4
WRITING = "still being written"
CHANGED = "changed after ingestion: the rows of the first content stay; land corrections under a new name"


def ingest(
    spec: PipelineSpec,
    settings: Settings,
    *,
    as_of: datetime | None = None,
    now: datetime | None = None,
    settle: Settle | None = None,
    batch_bytes: int = BATCH_BYTES,
) -> IngestReport:
    """Take every file that landed up to ``as_of`` and was not dealt with yet.

    For each batch of files the raw table is committed first, then the quarantine, then the log of files
    (``<pipeline>/ingested``). Each commit carries one Delta transaction per file, named by path and content; so a
    run that was killed anywhere between is completed by the next, and no row is there twice. With nothing new there
    is no commit at all.

    A file is known by name and content. Refused as a whole, it may be landed again, mended, under the same name. A
    file whose rows were taken and that changes afterwards is refused (the training data must stay what it was).

    Args:
        spec: names the sources: a glob below the landing zone and the contract of the rows.
        settings: landing zone, lake and storage options.
        as_of: leave out files modified after this time; None takes all. It is the time of landing, not of the data
            inside: what this run would have seen then.
        now: the current time; None asks the clock.
        settle: when a file counts as complete.
        batch_bytes: see ``BATCH_BYTES``.

    Returns:
        What was done. Raw tables get the contract's columns, ``_file`` and ``_ingested_batch``.

    Raises:
        LandingError: the landing zone cannot be listed or read.
        LakeError: a raw table's columns have other types than the contract.
    """
    lake = Lake.of(settings)
    landing = Landing(settings.landing, settings.storage_options)
    now = now or datetime.now(UTC)
    outcomes: list[FileOutcome] = []
    skipped = 0
    for name, source in spec.sources.items():
        run = _SourceRun(lake, landing, spec.name, name, source, now, settle or Settle())
        outcomes += run.take(as_of, batch_bytes)
        skipped += run.skipped
    versions = {name: lake.version(tables.raw(spec.name, name)) for name in spec.sources}
    return IngestReport(spec.name, tuple(outcomes), skipped, {name: v for name, v in versions.items() if v is not None})


class _SourceRun:
    """One source in one run."""

    def __init__(
        self, lake: Lake, landing: Landing, pipeline: str, name: str, source: Source, now: datetime, settle: Settle
    ) -> None:
        self._lake = lake
        self._landing = landing
        self._pipeline = pipeline
        self._name = name
        self._source = source
        self._now = now
        self._settle = settle
        self._raw = tables.raw(pipeline, name)
        self._quarantine = tables.quarantine(pipeline, name)
        self.skipped = 0

    def take(self, as_of: datetime | None, batch_bytes: int) -> list[FileOutcome]:
        """Deal with the new files; a conflict with another run means planning again with what it left."""
        outcomes: list[FileOutcome] = []
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._take(as_of, batch_bytes, outcomes)
                return outcomes
            except LakeConflict:
                if attempt == ATTEMPTS:
                    raise
        return outcomes

    def _take(self, as_of: datetime | None, batch_bytes: int, outcomes: list[FileOutcome]) -> None:
        outcomes[:] = [one for one in outcomes if one.status != "pending"]
        log = journal.FileLog(self._lake, self._pipeline, self._name)
        finished, unfinished = self._landing.files(self._source.path)
        landed = [file for file in finished if as_of is None or file.modified <= as_of]
        new = [file for file in landed if not log.knows(file)]
        self.skipped = len(landed) - len(new) - len(outcomes)  # not those of an attempt before
        young = [file for file in new if self._settle.is_young(file, self._now)]
        moving = self._landing.moving(self._source.path, young, self._settle)
        outcomes += [self._pending(file) for file in unfinished if as_of is None or file.modified <= as_of]
        outcomes += [self._pending(file) for file in new if file.path in moving]
        for files in _batches([file for file in new if file.path not in moving], batch_bytes):
            contents = []
            for file, data in zip(files, self._landing.read(files), strict=True):
                if data is None or len(data) != file.size:
                    outcomes.append(self._pending(file))
                    continue
                content = Content.of(file, data)
                if log.knows_content(file.path, content.checksum):
                    self.skipped += 1
                else:
                    contents.append(content)
            if contents:
                outcomes += self._take_batch(contents, log)

    def _take_batch(self, contents: list[Content], log: journal.FileLog) -> list[FileOutcome]:
        # the lock's version is read before the keys: whoever commits in between makes this batch's commit fail
        lock = {LOCK: (self._lake.transaction_version(self._raw, LOCK) or 0) + 1}
        committed = self._lake.committed(self._raw, {content.id: 1 for content in contents})
        changed = [c for c in contents if log.accepted(c.landed.path) and c.id not in committed]
        # files whose rows are there (a run was killed after the commit) come first: their copies of a key are kept
        fresh = sorted((c for c in contents if c not in changed), key=lambda content: content.id not in committed)
        own = [content.landed.path for content in fresh if content.id in committed]
        judgement = judge(fresh, self._source, lambda rows: self._existing_keys(rows, own))
        judged = [one for one in judgement.files if not self._maybe_growing(one)]
        pending = [self._pending(one.content.landed) for one in judgement.files if self._maybe_growing(one)]
        judged += [Judged(content, fault=FileFault(CHANGED)) for content in changed]
        if judged:
            batch = sha256("\n".join(sorted(one.content.id for one in judged)).encode()).hexdigest()[:16]
            version = self._commit_raw(judgement, judged, committed, batch, lock)
            self._commit_quarantine(judged, batch)
            self._commit_log(judged, batch, version)
        return [*pending, *(self._outcome(one) for one in judged)]

    def _maybe_growing(self, judged: Judged) -> bool:
        """It ends in the middle, and is so young that its writer may still be at it."""
        truncated = judged.fault is not None and judged.fault.truncated
        return truncated and self._settle.is_young(judged.content.landed, self._now)

    def _existing_keys(self, rows: pa.Table, own: list[str]) -> pa.Table | None:
        """Keys in the raw table that may equal some of ``rows``, except those of the files ``own``."""
        if not rows.num_rows or not self._lake.exists(self._raw):
            return None
        wanted = pc.scalar(True)
        for column in self._source.partition_by:
            values = pc.unique(rows[column])
            if not values.null_count:
                wanted = wanted & pc.field(column).isin(values)
        if own:
            wanted = wanted & ~pc.field("_file").isin(own)
        return self._lake.read(self._raw, columns=self._source.key, filters=wanted)

    def _commit_raw(
        self, judgement: Judgement, judged: list[Judged], committed: set[str], batch: str, lock: dict[str, int]
    ) -> int | None:
        accepted = [one for one in judged if one.fault is None]
        missing = [one for one in accepted if one.content.id not in committed]
        paths = pa.array([one.content.landed.path for one in missing], pa.string())
        rows = judgement.rows.filter(pc.is_in(judgement.rows["_file"], value_set=paths))
        # an empty first day makes the table too, so that whoever reads it finds its columns
        if rows.num_rows or (missing and not self._lake.exists(self._raw)):
            rows = rows.append_column("_ingested_batch", pa.repeat(batch, rows.num_rows))
            self._lake.append(
                self._raw,
                rows,
                partition_by=self._source.partition_by,
                transaction={**lock, **{one.content.id: 1 for one in missing}},
                metadata={"batch": batch},
            )
        return self._lake.version(self._raw)

    def _commit_quarantine(self, judged: list[Judged], batch: str) -> None:
        refused = [one for one in judged if one.fault or one.row_faults]
        done = self._lake.committed(self._quarantine, {one.content.id: 1 for one in refused})
        refused = [one for one in refused if one.content.id not in done]
        records = [
            {
                "file": one.content.landed.path,
                "checksum": one.content.checksum,
                "batch": batch,
                "at": self._now,
                **entry,
            }
            for one in refused
            for entry in _entries(one)
        ]
        if records:
            self._lake.append(
                self._quarantine,
                journal.rows(journal.QUARANTINE, records),
                transaction={one.content.id: 1 for one in refused},
            )

    def _commit_log(self, judged: list[Judged], batch: str, version: int | None) -> None:
        records: list[dict[str, object]] = [
            {
                "source": self._name,
                "path": one.content.landed.path,
                "size": one.content.landed.size,
                "modified": one.content.landed.modified,
                "checksum": one.content.checksum,
                "status": "quarantined" if one.fault else "accepted",
                "rows": one.rows,
                "quarantined_rows": _bad_rows(one),
                "table_version": None if one.fault else version,
                "reason": _reason(one),
                "batch": batch,
                "at": self._now,
            }
            for one in judged
        ]
        self._lake.append(
            tables.ingested(self._pipeline),
            journal.rows(journal.FILES, records),
            transaction={f"{self._name}:{one.content.id}": 1 for one in judged},
        )

    def _pending(self, file: Landed) -> FileOutcome:
        return FileOutcome(self._name, file.path, "pending", reason=WRITING)

    def _outcome(self, judged: Judged) -> FileOutcome:
        return FileOutcome(
            self._name,
            judged.content.landed.path,
            "quarantined" if judged.fault else "accepted",
            judged.rows,
            _bad_rows(judged),
            _reason(judged),
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


def _bad_rows(judged: Judged) -> int:
    return len({fault.row for fault in judged.row_faults})


def _reason(judged: Judged) -> str:
    if not judged.fault:
        return judged.note
    return judged.fault.reason if judged.fault.row is None else f"row {judged.fault.row}: {judged.fault.reason}"


def _batches(files: list[Landed], batch_bytes: int) -> Iterator[list[Landed]]:
    batch: list[Landed] = []
    size = 0
    for file in files:
        if batch and size + file.size > batch_bytes:
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch
