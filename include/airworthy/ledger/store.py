"""Where the ledger's rows are kept: one table, the triggers that make it append-only, and one writer at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

_WRITE = "airworthy_write"
# any constant will do, as long as every writer of this table takes the same one
_ADVISORY_LOCK = 0x41_57_4C_45_44_47_45_52

_metadata = sa.MetaData()
table = sa.Table(
    "airworthy_ledger",
    _metadata,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    # text, not a database timestamp: the hash must not depend on a driver's rounding or time zone
    sa.Column("time", sa.String(32), nullable=False),
    sa.Column("pipeline", sa.String(63), nullable=False, index=True),
    sa.Column("release_id", sa.String(128), nullable=False, index=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("actor", sa.String(256), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("key", sa.String(512), nullable=False, unique=True),
    sa.Column("previous_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
)
_DDL = {
    "sqlite": [
        f"CREATE TRIGGER airworthy_ledger_no_{verb} BEFORE {verb} ON airworthy_ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION airworthy_ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$",
        "CREATE TRIGGER airworthy_ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON airworthy_ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION airworthy_ledger_append_only()",
    ],
}

#: Databases it can be kept in.
BACKENDS = frozenset(_DDL)


def open_engine(url: sa.URL) -> sa.Engine:
    """Connections to a SQLite or Postgres database, set up for a ledger."""
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, pool_size=2)
    engine = sa.create_engine(url, connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def _configure(dbapi_connection: Any, _record: Any) -> None:
        # the driver's own BEGIN is deferred, and two deferred writers that both read first cannot both go on
        dbapi_connection.isolation_level = None
        dbapi_connection.execute("PRAGMA journal_mode=WAL")
        dbapi_connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get(_WRITE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def exists(connection: sa.Connection) -> bool:
    """Whether the table is there."""
    return bool(sa.inspect(connection).has_table(table.name))


def create(connection: sa.Connection) -> None:
    """Make the table and its triggers where they are missing."""
    if not exists(connection):
        _metadata.create_all(connection)
        for statement in _DDL[connection.dialect.name]:
            connection.exec_driver_sql(statement)


@contextmanager
def transaction(engine: sa.Engine, *, write: bool = False) -> Iterator[sa.Connection]:
    """A transaction; writers come one after another, readers never wait for them."""
    with engine.connect() as connection:
        connection = connection.execution_options(**{_WRITE: write})
        with connection.begin():
            if write and connection.dialect.name == "postgresql":
                # a table lock would need more rights on the table than INSERT and SELECT
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            yield connection
