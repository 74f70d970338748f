"""A source's raw table: its good rows, each key once, and which files they are from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from airworthy.ingest.batch import Batch, Content
from airworthy.lake import tables
from airworthy.lake.errors import LakeConflict
from airworthy.lake.lake import Lake
from airworthy.spec.sources import Source

LOCK = "airworthy.ingest"


@dataclass(frozen=True)
class Before:
    """What the table held when a batch was planned: its commit is refused if another run's came in between.

    Attributes:
        lock: number of the last commit that took the lock; 0 before the first.
        held: ids of those of the batch's files whose rows are there: a run was killed after it had committed them.
    """

    lock: int
    held: frozenset[str]


class RawTable:
    """One source's raw table.

    Each of its commits carries one transaction per file, named by path and content, so no file's rows are there
    twice; and the next number of a common lock, so that of two runs which plan from the same keys one fails.
    """

    def __init__(self, lake: Lake, pipeline: str, name: str, source: Source) -> None:
        self._lake = lake
        self._source = source
        self._table = tables.raw(pipeline, name)

    def look(self, contents: Iterable[Content]) -> Before:
        """What there is before a batch; to be asked before :meth:`keys`, so that they are still true at the end."""
        lock = self._lock()
        return Before(lock, frozenset(self._lake.committed(self._table, {content.id: 1 for content in contents})))

    def keys(self, rows: pa.Table, *, except_files: list[str]) -> pa.Table | None:
        """Keys in the table that may equal some of ``rows``.

        Args:
            rows: typed rows of the contract.
            except_files: paths of files whose own rows do not count.

        Returns:
            At least the key columns; None where there is nothing to compare.
        """
        if not rows.num_rows or not self._lake.exists(self._table):
            return None
        wanted = pc.scalar(True)
        for column in self._source.partition_by:
            values = pc.unique(rows[column])
            if not values.null_count:
                wanted = wanted & pc.field(column).isin(values)
        if except_files:
            wanted = wanted & ~pc.field("_file").isin(except_files)
        return self._lake.read(self._table, columns=self._source.key, filters=wanted)

    def commit(self, rows: pa.Table, batch: Batch, before: Before) -> int | None:
        """Add the rows of the batch's accepted files that are not there yet.

        Args:
            rows: the good rows with ``_file``; of other files too.
            batch: the files.
            before: see :meth:`look`.

        Returns:
            The table's version afterwards; None if there is no table.

        Raises:
            LakeConflict: another run committed meanwhile.
            LakeError: the table's columns have other types than the contract.
        """
        accepted = [one.content for one in batch.files if one.fault is None]
        missing = [content for content in accepted if content.id not in before.held]
        paths = pa.array([content.landed.path for content in missing], pa.string())
        rows = rows.filter(pc.is_in(rows["_file"], value_set=paths))
        # an empty first day makes the table too, so that whoever reads it finds its columns
        if rows.num_rows or (missing and not self._lake.exists(self._table)):
            self._lake.append(
                self._table,
                rows.append_column("_ingested_batch", pa.repeat(batch.id, rows.num_rows)),
                partition_by=self._source.partition_by,
                transaction={LOCK: before.lock + 1, **{content.id: 1 for content in missing}},
                metadata={"batch": batch.id},
            )
        elif self._lock() != before.lock:
            # without a commit nothing else would notice that the keys, and so the refusals, are another run's doing
            raise LakeConflict(
                f"{self._table}: another run took files while batch {batch.id} was judged",
                next_step="run the task again: it plans anew; docs/runbook.md#lake-conflict",
            )
        return self._lake.version(self._table)

    def _lock(self) -> int:
        return self._lake.transaction_version(self._table, LOCK) or 0
