"""Which work a table holds already: Delta's transactions, by which a commit that is tried again is left out."""

from __future__ import annotations

from collections.abc import Mapping

from deltalake import CommitProperties, DeltaTable, Transaction

from airworthy.lake.errors import LakeConflict

#: ``(application id, version)``, several as a mapping, or none.
Transactions = tuple[str, int] | Mapping[str, int] | None


def as_mapping(transactions: Transactions) -> dict[str, int]:
    """Version by application id."""
    if transactions is None:
        return {}
    return dict(transactions) if isinstance(transactions, Mapping) else dict([transactions])


def committed(delta: DeltaTable | None, transactions: Transactions) -> set[str]:
    """Those application ids whose version, or a later one, is in the table as it was opened; none without a table."""
    if delta is None:
        return set()
    wanted = as_mapping(transactions)
    found = {application: delta.transaction_version(application) for application in wanted}
    return {a for a, version in found.items() if version is not None and version >= wanted[a]}


def all_committed(delta: DeltaTable | None, transactions: Transactions) -> bool:
    """Is the whole work in the table already? Work without a transaction never is.

    Raises:
        LakeConflict: a part of it is.
    """
    wanted, done = as_mapping(transactions), committed(delta, transactions)
    if not done or delta is None:
        return False
    if len(done) < len(wanted):
        raise LakeConflict(
            f"{delta.table_uri}: {len(done)} of {len(wanted)} transactions are committed, e.g. {min(done)!r}",
            next_step="run the task again: it plans anew; docs/runbook.md#lake-conflict",
        )
    return True


def properties(transactions: Transactions, metadata: Mapping[str, str] | None) -> CommitProperties:
    """What delta-rs writes into the commit: the transactions, and what the writer wants remembered."""
    return CommitProperties(
        custom_metadata=dict(metadata) if metadata else None,
        app_transactions=[Transaction(application, v) for application, v in as_mapping(transactions).items()],
    )
