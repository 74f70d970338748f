"""Everything landed and not yet processed goes into the raw tables, or into quarantine; once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airworthy.ingest import quarantine
from airworthy.ingest.batch import Batch, Content, Judged
from airworthy.ingest.faults import FileFault
from airworthy.ingest.journal import Journal
from airworthy.ingest.judge import judge
from airworthy.ingest.raw_table import RawTable
from airworthy.ingest.report import FileOutcome, IngestReport
from airworthy.ingest.sources.files import Landed, Landing, Settle
from airworthy.lake import tables
from airworthy.lake.errors import LakeConflict
from airworthy.lake.lake import Lake
from airworthy.spec.pipeline import PipelineSpec

if TYPE_CHECKING:
    from airworthy.settings import Settings

BATCH_BYTES = 256 * 1024 * 1024  # read and committed at once; bounds memory when a year has piled up
ATTEMPTS = 4
WRITING = "still being written"
CHANGED = "changed after ingestion: the rows of the first content stay; land corrections under a new name"


def take_landed(
    spec: PipelineSpec,
    settings: Settings,
    *,
    as_of: datetime | None = None,
    now: datetime | None = None,
    settle: Settle | None = None,
    batch_bytes: int = BATCH_BYTES,
) -> IngestReport:
    """Take every file that landed up to ``as_of`` and was not dealt with yet.

    For each batch of files the raw table is committed first, then the quarantine, then the journal of files
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
    now, settle = now or datetime.now(UTC), settle or Settle()
    runs = [_SourceRun(lake, landing, spec, name, now=now, settle=settle) for name in spec.sources]
    for run in runs:
        run.take(as_of, batch_bytes)
    versions = {name: lake.version(tables.raw(spec.name, name)) for name in spec.sources}
    return IngestReport(
        pipeline=spec.name,
        files=tuple(outcome for run in runs for outcome in run.outcomes),
        skipped=sum(run.skipped for run in runs),
        versions={name: version for name, version in versions.items() if version is not None},
    )


class _SourceRun:
    """One source in one run.

    Attributes:
        outcomes: what became of its new files.
        skipped: files that an earlier run had dealt with.
    """

    def __init__(
        self, lake: Lake, landing: Landing, spec: PipelineSpec, name: str, *, now: datetime, settle: Settle
    ) -> None:
        self._lake = lake
        self._landing = landing
        self._pipeline = spec.name
        self._name = name
        self._source = spec.sources[name]
        self._raw = RawTable(lake, spec.name, name, self._source)
        self._now = now
        self._settle = settle
        self.outcomes: list[FileOutcome] = []
        self.skipped = 0

    def take(self, as_of: datetime | None, batch_bytes: int) -> None:
        """Deal with the new files; a conflict with another run means planning again with what it left."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._take(as_of, batch_bytes)
            except LakeConflict:
                if attempt == ATTEMPTS:
                    raise

    def _take(self, as_of: datetime | None, batch_bytes: int) -> None:
        self.outcomes = [one for one in self.outcomes if one.status != "pending"]
        journal = Journal(self._lake, self._pipeline, self._name)
        for files in _batches(self._complete(as_of, journal), batch_bytes):
            if contents := self._read(files, journal):
                self._take_batch(contents, journal)

    def _complete(self, as_of: datetime | None, journal: Journal) -> list[Landed]:
        """The new files whose writers are done; the others are pending."""
        finished, unfinished = self._landing.files(self._source.path)
        landed = [file for file in finished if as_of is None or file.modified <= as_of]
        new = [file for file in landed if not journal.knows(file)]
        self.skipped = len(landed) - len(new) - len(self.outcomes)  # not those of an attempt before
        young = [file for file in new if self._settle.is_young(file, self._now)]
        moving = self._landing.moving(self._source.path, young, self._settle)
        self._leave(file for file in unfinished if as_of is None or file.modified <= as_of)
        self._leave(file for file in new if file.path in moving)
        return [file for file in new if file.path not in moving]

    def _read(self, files: list[Landed], journal: Journal) -> list[Content]:
        """The contents that were not dealt with before."""
        contents = []
        for file, data in zip(files, self._landing.read(files), strict=True):
            if data is None or len(data) != file.size:
                self._leave([file])
                continue
            content = Content.of(file, data)
            if journal.knows_content(file.path, content.checksum):
                self.skipped += 1
            else:
                contents.append(content)
        return contents

    def _take_batch(self, contents: list[Content], journal: Journal) -> None:
        # before the keys are read: whoever commits in between makes this batch's commit fail
        before = self._raw.look(contents)
        changed = [c for c in contents if journal.accepted(c.landed.path) and c.id not in before.held]
        # files whose rows are there (a run was killed after the commit) come first: their copies of a key are kept
        fresh = sorted((c for c in contents if c not in changed), key=lambda content: content.id not in before.held)
        own = [content.landed.path for content in fresh if content.id in before.held]
        judgement = judge(fresh, self._source, lambda rows: self._raw.keys(rows, except_files=own))
        judged = [one for one in judgement.files if not self._may_grow(one)]
        judged += [Judged(content, fault=FileFault(CHANGED)) for content in changed]
        self._leave(one.content.landed for one in judgement.files if self._may_grow(one))
        if judged:
            batch = Batch(tuple(judged), self._now)
            version = self._raw.commit(judgement.rows, batch, before)
            quarantine.commit(self._lake, self._pipeline, self._name, batch)
            journal.commit(batch, version)
            self.outcomes += [FileOutcome.of(self._name, one) for one in judged]

    def _may_grow(self, judged: Judged) -> bool:
        """It ends in the middle, and is so young that its writer may still be at it."""
        truncated = judged.fault is not None and judged.fault.truncated
        return truncated and self._settle.is_young(judged.content.landed, self._now)

    def _leave(self, files: Iterable[Landed]) -> None:
        """For the next run."""
        self.outcomes += [FileOutcome(self._name, file.path, "pending", reason=WRITING) for file in files]


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
