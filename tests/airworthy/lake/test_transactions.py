"""Work that a table holds already is known by its transactions."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from airworthy.lake.errors import LakeConflict
from airworthy.lake.transactions import all_committed, committed, properties


@pytest.fixture
def delta(tmp_path: Path) -> DeltaTable:
    """A table that holds version 1 of ``a`` and version 3 of ``b``."""
    path = str(tmp_path / "table")
    write_deltalake(path, pa.table({"id": [1]}), commit_properties=properties({"a": 1, "b": 3}, {"said": "this"}))
    return DeltaTable(path)


def test_a_version_and_all_before_it_are_committed(delta: DeltaTable) -> None:
    assert committed(delta, {"a": 1, "b": 2, "c": 1}) == {"a", "b"}
    assert committed(delta, ("b", 4)) == set()
    assert committed(None, ("a", 1)) == set()


def test_work_is_done_when_all_of_it_is_and_a_part_is_a_conflict(delta: DeltaTable) -> None:
    assert all_committed(delta, {"a": 1, "b": 3})
    assert not all_committed(delta, ("a", 2))
    with pytest.raises(LakeConflict, match=r"1 of 2 transactions are committed, e\.g\. 'a'"):
        all_committed(delta, {"a": 1, "b": 4})


def test_work_without_a_transaction_is_never_done(delta: DeltaTable) -> None:
    assert not all_committed(delta, None)
    assert not all_committed(None, ("a", 1))


def test_what_the_writer_wants_remembered_is_in_the_commit(delta: DeltaTable) -> None:
    assert delta.history()[0]["said"] == "this"
