"""What new rows must have in common with a table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from airworthy.lake.columns import check_types, partitions_of, schema_of
from airworthy.lake.errors import LakeError

AWKWARD = pa.table(
    {
        "day": pa.array([1, 1, None], pa.int64()),
        "dest": pa.array(["O'Hare", "O'Hare", "a b"]),
        "id": pa.array([1, 2, 3], pa.int64()),
    }
)


@pytest.fixture
def delta(tmp_path: Path) -> DeltaTable:
    path = str(tmp_path / "table")
    write_deltalake(path, AWKWARD, partition_by=["day", "dest"])
    return DeltaTable(path)


def test_a_column_may_be_new_or_missing_but_not_of_another_type(delta: DeltaTable) -> None:
    check_types(pa.schema([("id", pa.int64()), ("extra", pa.string())]), delta, "there")
    with pytest.raises(LakeError, match="there: column id is int64 in the table and int32 in the new data"):
        check_types(pa.schema([("id", pa.int32())]), delta, "there")


def test_columns_that_partition_belong_to_the_table(delta: DeltaTable) -> None:
    assert set(schema_of(delta).names) == {"day", "dest", "id"}


def test_partitions_with_quotes_and_without_a_value_are_found_again(delta: DeltaTable) -> None:
    predicate = partitions_of(AWKWARD.slice(0, 1), ["day", "dest"])
    assert predicate is not None
    delta.delete(predicate)
    assert delta.to_pyarrow_table()["id"].to_pylist() == [3]
    delta.delete(partitions_of(AWKWARD.slice(2, 1), ["day", "dest"]))
    assert delta.to_pyarrow_table().num_rows == 0


def test_no_rows_are_in_no_partition_and_without_partitions_all_are_meant() -> None:
    assert partitions_of(AWKWARD.slice(0, 0), ["day"]) == "false"
    assert partitions_of(AWKWARD, []) is None
