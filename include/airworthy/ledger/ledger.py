"""The release ledger: an append-only, hash-chained SQL table of who let which version into production, and why.

Every row carries the SHA-256 of its own canonical JSON and of the row before it. A changed, removed or inserted row
breaks the chain at that place, and `Ledger.verify` names it. Rows cut off at the end leave a chain that is whole in
itself: to notice those, keep the latest hash elsewhere and hand it to ``verify(witness=...)``.

Looked at instead: immudb and Amazon QLDB's successors (a second database to run), Postgres' audit extensions
(nothing for SQLite, no chain). A few hundred lines over SQLAlchemy Core run wherever Airflow's own database runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa

from airworthy.canonical import canonical_json, sha256
from airworthy.errors import AirworthyError, Away
from airworthy.ledger import store
from airworthy.ledger.events import CHAMPION_EVENTS, Entry, Event
from airworthy.ledger.store import table as _table

_GENESIS = "0" * 64


class LedgerError(AirworthyError):
    """The ledger cannot do what was asked."""


class LedgerAway(LedgerError, Away):
    """The ledger's database does not answer."""


class LedgerConflict(LedgerError):
    """The key is taken by an entry that says something else."""


class LedgerTampered(LedgerError):
    """The chain of hashes is broken: a row was changed, removed or slipped in."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ledger:
    """The ledger at a SQLAlchemy URL (SQLite or Postgres).

    The first entry makes the table and the triggers that guard it; reading makes nothing, and a ledger that is not
    there has no entries.

    Args:
        url: e.g. ``sqlite:////data/ledger.db`` or ``postgresql+psycopg://user:password@host/airworthy``.
        clock: gives the time of an entry; UTC.

    Raises:
        LedgerError: neither SQLite nor Postgres. Every method raises `LedgerAway` when the database does not answer.
    """

    def __init__(self, url: str, *, clock: Callable[[], datetime] = _utc_now) -> None:
        self._clock = clock
        parsed = sa.make_url(url)
        if parsed.get_backend_name() not in store.BACKENDS:
            raise LedgerError(
                f"the ledger's URL names {parsed.get_backend_name()!r}",
                next_step="use sqlite:///path or postgresql+psycopg://...",
            )
        #: Where it is, without the password.
        self.shown_url = parsed.render_as_string(hide_password=True)
        self._file = Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None
        self._engine = store.open_engine(parsed)
        self._has_table = False

    def append(
        self,
        *,
        pipeline: str,
        release_id: str,
        version: int,
        event: Event,
        actor: str,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
        key: str,
        precondition: Callable[[Sequence[Entry]], None] | None = None,
    ) -> Entry:
        """Add one entry, once.

        Args:
            key: what makes the entry one of its kind, e.g. ``flight_delays-v7:promoted``. When it is there already
                with the same pipeline, release, version, event and actor, that entry is returned and nothing is
                written; ``details`` and ``reason`` of the first writing stay.
            precondition: gets the pipeline's entries so far, while no other writer can add one, and raises what speaks
                against the new one. Not called when the key is there already.

        Raises:
            LedgerConflict: the key is there with other content.
            LedgerAway: the database does not answer. Whether the entry was written is then unknown: append again.
        """
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._transaction(write=True) as connection:
            store.create(connection)
            if found := _rows(connection, _table.c.key == key):
                return _same(found[0], pipeline, release_id, version, event, actor)
            if precondition is not None:
                precondition(_rows(connection, _table.c.pipeline == pipeline))
            last = connection.execute(
                sa.select(_table.c.position, _table.c.time, _table.c.hash).order_by(_table.c.position.desc()).limit(1)
            ).first()
            now = self._clock().astimezone(UTC).isoformat(timespec="microseconds")
            row: dict[str, Any] = {
                "position": last.position + 1 if last else 1,
                # a clock that was set back must not make "what served at time T" ambiguous
                "time": max(now, last.time) if last else now,
                "pipeline": pipeline,
                "release_id": release_id,
                "version": version,
                "event": event,
                "actor": actor,
                "reason": reason,
                "details": canonical_json(dict(details or {})),
                "key": key,
                "previous_hash": last.hash if last else _GENESIS,
            }
            row["hash"] = _hash(row)
            connection.execute(sa.insert(_table).values(row))
        return _entry(row)

    def entries(self, pipeline: str | None = None, release_id: str | None = None) -> list[Entry]:
        """Entries in the order in which they were written, of one pipeline or release where one is named."""
        if not self._begun():
            return []
        conditions = []
        if pipeline is not None:
            conditions.append(_table.c.pipeline == pipeline)
        if release_id is not None:
            conditions.append(_table.c.release_id == release_id)
        with self._transaction() as connection:
            return _rows(connection, *conditions)

    def verify(self, *, witness: str | None = None) -> int:
        """Walk the whole chain; the number of entries when it is whole.

        Args:
            witness: a hash noted earlier, which must still be there; finds entries cut off at the end.

        Raises:
            LedgerTampered: names the first broken row.
        """
        previous, position = _GENESIS, 0
        with self._transaction() if self._begun() else nullcontext() as connection:
            rows = connection.execute(sa.select(_table).order_by(_table.c.position)) if connection else ()
            for found in rows:
                row = dict(found._mapping)
                position += 1
                if row["position"] != position:
                    raise _tampered(position, f"the next row is {row['position']}: rows are missing or added")
                if row["previous_hash"] != previous:
                    raise _tampered(position, "its previous_hash is not the hash of the row before")
                if row["hash"] != _hash(row):
                    raise _tampered(position, f"its content ({row['event']} {row['release_id']}) was changed")
                previous = row["hash"]
                witness = None if witness == previous else witness
        if witness is not None:
            raise _tampered(position + 1, f"the entry with hash {witness[:12]} is gone: the end was cut off")
        return position

    def served_at(self, pipeline: str, time: datetime) -> tuple[int, Entry] | None:
        """What served at ``time`` (with a time zone), and the entry that let it; None before the first champion."""
        if time.tzinfo is None:
            raise LedgerError(f"time {time} has no time zone", next_step="say e.g. 2026-11-21T12:00:00+00:00")
        if not self._begun():
            return None
        moment = time.astimezone(UTC).isoformat(timespec="microseconds")
        with self._transaction() as connection:
            found = _rows(
                connection,
                _table.c.pipeline == pipeline,
                _table.c.event.in_(CHAMPION_EVENTS),
                _table.c.time <= moment,
            )
        return (found[-1].version, found[-1]) if found else None

    def close(self) -> None:
        """Give the database connections back."""
        self._engine.dispose()

    def _begun(self) -> bool:
        """Whether there is a table; asking opens no SQLite file that is not there, since that would make it."""
        if not self._has_table and (self._file is None or self._file.exists()):
            with self._transaction() as connection:
                self._has_table = store.exists(connection)
        return self._has_table

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[sa.Connection]:
        try:
            with store.transaction(self._engine, write=write) as connection:
                yield connection
        except sa.exc.OperationalError as error:
            raise LedgerAway(
                f"the ledger at {self.shown_url} does not answer: {error.orig}",
                next_step="check its database and the connection airworthy_ledger; docs/runbook.md#ledger-away",
            ) from error


def _hash(row: Mapping[str, Any]) -> str:
    content = {name: value for name, value in row.items() if name != "hash"}
    return sha256(f"{row['previous_hash']}\n{canonical_json(content)}")


def _rows(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Entry]:
    query = sa.select(_table).where(*conditions).order_by(_table.c.position)
    return [_entry(row._mapping) for row in connection.execute(query)]


def _entry(row: Mapping[Any, Any]) -> Entry:
    return Entry(
        **{
            **row,
            "time": datetime.fromisoformat(row["time"]),
            "details": json.loads(row["details"]),
            "event": cast(Event, row["event"]),
        }
    )


def _same(found: Entry, pipeline: str, release_id: str, version: int, event: Event, actor: str) -> Entry:
    wanted = (pipeline, release_id, version, event, actor)
    there = (found.pipeline, found.release_id, found.version, found.event, found.actor)
    if wanted != there:
        raise LedgerConflict(
            f"key {found.key!r} stands for {there} (entry {found.position}), not for {wanted}",
            next_step="look at it with `airworthy ledger`; the first writing stands",
        )
    return found


def _tampered(position: int, why: str) -> LedgerTampered:
    return LedgerTampered(
        f"the ledger is broken at row {position}: {why}",
        next_step="stop releases and keep a copy of the database; docs/runbook.md#ledger-tampered",
    )
