"""Delta tables in a folder or on S3: append, replace, commit what Spark wrote, read as of a version."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import DeltaTable, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from airworthy.lake.columns import check_types, partitions_of, schema_of
from airworthy.lake.errors import TableMissing
from airworthy.lake.staged import Mode, StagedTable
from airworthy.lake.transactions import Transactions, all_committed, committed, properties

if TYPE_CHECKING:
    from airworthy.settings import Settings

STAGED = "_staging"  # Delta ignores folders that begin with an underscore, in reading and in vacuum
ATTEMPTS = 6


@dataclass(frozen=True)
class Lake:
    """Delta tables below one root, through delta-rs (no JVM).

    A table is named by its path below the root, e.g. ``flight_delays/raw/flights``. Writers give a *transaction*,
    ``(application id, version)``, or several: a commit whose transactions are all in the table already is left out,
    so a task that was killed after its commit and runs again commits once. Two writers with the same application
    id never both succeed.

    Args:
        root: a folder or ``s3://bucket/prefix``.
        storage_options: delta-rs options; S3 needs conditional puts (AWS, MinIO and moto have them).
    """

    root: str
    storage_options: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Lake:
        """The lake of these settings."""
        return cls(settings.lake, settings.storage_options)

    def uri(self, *parts: str) -> str:
        """The address of a table, or of anything else below the root."""
        return "/".join([self.root.removeprefix("file://").rstrip("/"), *(part.strip("/") for part in parts)])

    # reading ---------------------------------------------------------------------------------------------------

    def exists(self, table: str) -> bool:
        """Has anything ever been committed to it?"""
        return self._open(table) is not None

    def version(self, table: str) -> int | None:
        """The newest version, counted from 0; None if there is no table."""
        delta = self._open(table)
        return None if delta is None else delta.version()

    def read(
        self,
        table: str,
        version: int | None = None,
        columns: Sequence[str] | None = None,
        filters: Any = None,
    ) -> pa.Table:
        """The rows, in no particular order.

        Args:
            table: name below the root.
            version: None for the newest.
            columns: None for all.
            filters: a pyarrow expression, or deltalake's list of ``(column, operator, value)``.

        Raises:
            TableMissing: no such table or version.
        """
        delta = self._require(table, version)
        return delta.to_pyarrow_table(columns=None if columns is None else list(columns), filters=filters)

    def files(
        self, table: str, version: int | None = None, partitions: list[tuple[str, str, Any]] | None = None
    ) -> list[str]:
        """Absolute addresses of the parquet files of a version, sorted; columns that partition are in the path only."""
        return sorted(self._require(table, version).file_uris(partitions))

    def schema(self, table: str, version: int | None = None) -> pa.Schema:
        """Columns and types, partition columns included."""
        return schema_of(self._require(table, version))

    def metadata(self, table: str, version: int | None = None) -> dict[str, Any]:
        """What the commit of a version says: its writer's ``metadata``, Delta's ``operation`` and ``timestamp`` (ms).

        Empty for a version so old that its log entry was cleaned up.
        """
        # the history of a table opened at an old version numbers its entries wrongly (deltalake 1.6.6)
        delta = self._require(table, None)
        wanted = delta.version() if version is None else version
        history = delta.history(limit=delta.version() - wanted + 1)
        return next((entry for entry in history if entry.get("version") == wanted), {})

    def committed(self, table: str, transactions: Mapping[str, int]) -> set[str]:
        """Those application ids whose version (or a later one) is in the table."""
        return committed(self._open(table), transactions)

    def transaction_version(self, table: str, application: str) -> int | None:
        """The last version that ``application`` committed; None if never."""
        delta = self._open(table)
        return None if delta is None else delta.transaction_version(application)

    # writing ---------------------------------------------------------------------------------------------------

    def append(
        self,
        table: str,
        data: pa.Table,
        *,
        partition_by: Sequence[str] = (),
        transaction: Transactions = None,
        metadata: Mapping[str, str] | None = None,
    ) -> int:
        """Add rows. Columns new to the table are added to it, null before. Version 0 of a table is empty.

        Returns:
            The version that holds them: of this commit, or the current one if the transaction was committed before.

        Raises:
            LakeConflict: part of the transactions are in the table, part are not.
            LakeError: the columns do not fit the table's.
        """

        def write(delta: DeltaTable) -> None:
            check_types(data.schema, delta, self.uri(table))
            write_deltalake(
                delta,
                data,
                mode="append",
                schema_mode="merge",
                commit_properties=properties(transaction, metadata),
            )

        return self._commit(table, write, transaction, data.schema, partition_by)

    def replace_partitions(
        self,
        table: str,
        data: pa.Table,
        *,
        partition_by: Sequence[str] = (),
        transaction: Transactions = None,
        metadata: Mapping[str, str] | None = None,
    ) -> int:
        """Put ``data`` in the place of the partitions it has rows for; without ``partition_by``, of the whole table.

        Returns, raises: as :meth:`append`.
        """
        predicate = partitions_of(data, partition_by)

        def write(delta: DeltaTable) -> None:
            if predicate is not None:
                check_types(data.schema, delta, self.uri(table))
            write_deltalake(
                delta,
                data,
                mode="overwrite",
                partition_by=list(partition_by) or None,
                schema_mode="overwrite" if predicate is None else None,
                predicate=predicate,
                commit_properties=properties(transaction, metadata),
            )

        return self._commit(table, write, transaction, data.schema, partition_by)

    def staged(
        self,
        table: str,
        name: str,
        *,
        partition_by: Sequence[str] = (),
        mode: Mode = "overwrite",
        schema: pa.Schema | None = None,
    ) -> StagedTable:
        """Where another engine may write parquet parts for :meth:`commit_staged`.

        Args:
            table: name below the root.
            name: of what is staged; a retry writes over the same one.
            partition_by, mode, schema: see :class:`StagedTable`.
        """
        return StagedTable(
            table=table,
            uri=self.uri(table),
            folder=self.uri(table, STAGED, name),
            partition_by=tuple(partition_by),
            mode=mode,
            schema=schema,
            storage_options=self.storage_options,
        )

    def commit_staged(
        self, staged: StagedTable, *, transaction: Transactions = None, metadata: Mapping[str, str] | None = None
    ) -> int:
        """Commit the parts that were written, as one version; then remove their folder.

        Args:
            staged: what was written, see :meth:`staged`.
            transaction: see the class.
            metadata: kept in the commit, see :meth:`metadata`.

        Returns:
            The version that holds the parts.

        Raises:
            LakeConflict, LakeError: as :meth:`append`; and when the parts do not agree with each other.
        """
        delta = self._open(staged.table)
        if delta is not None and all_committed(delta, transaction):
            version = delta.version()  # and the folder may be gone already
        else:
            parts = staged.find(delta)
            version = self._commit(
                staged.table,
                lambda newest: staged.commit(newest, parts, properties(transaction, metadata)),
                transaction,
                parts.columns,
                staged.partition_by,
            )
        staged.remove()
        return version

    # opening and committing ------------------------------------------------------------------------------------

    def _open(self, table: str, version: int | None = None) -> DeltaTable | None:
        try:
            return DeltaTable(self.uri(table), version=version, storage_options=dict(self.storage_options))
        except TableNotFoundError:
            return None

    def _require(self, table: str, version: int | None) -> DeltaTable:
        try:
            delta = self._open(table, version)
        except DeltaError as error:
            if version is None:
                raise
            raise TableMissing(
                f"{self.uri(table)} has no version {version} (the newest is {self.version(table)}): {error}",
                next_step="ask for a version that exists and was not vacuumed away",
            ) from error
        if delta is None:
            raise TableMissing(f"no Delta table at {self.uri(table)}", next_step="run the data DAG, which makes it")
        return delta

    def _commit(
        self,
        table: str,
        write: Callable[[DeltaTable], None],
        transaction: Transactions,
        schema: pa.Schema,
        partition_by: Sequence[str],
    ) -> int:
        """Commit once, and again from the newest version when another writer was faster."""
        for attempt in range(1, ATTEMPTS + 1):
            delta = self._open(table) or self._create(table, schema, partition_by)
            # checked on the very snapshot that the commit builds on: a later commit of the same id is a conflict
            if all_committed(delta, transaction):
                return delta.version()
            try:
                write(delta)
            except CommitFailedError:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(0.05 * 2**attempt)
                continue
            return delta.version()
        raise AssertionError("unreachable")

    def _create(self, table: str, schema: pa.Schema, partition_by: Sequence[str]) -> DeltaTable:
        """Version 0, empty. A first commit with rows in it is not safe from a second writer's (deltalake 1.6.6):
        both would succeed, whatever their transactions say."""
        try:
            DeltaTable.create(
                self.uri(table),
                Schema.from_arrow(schema),
                mode="error",
                partition_by=list(partition_by) or None,
                storage_options=dict(self.storage_options),
            )
        except DeltaError:
            if not self.exists(table):
                raise
        return self._require(table, None)
