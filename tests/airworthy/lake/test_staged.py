"""The hand-over from another engine: its parquet parts become one version, once, or nothing is committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airworthy.lake.errors import LakeConflict, LakeError
from airworthy.lake.lake import Lake
from airworthy.lake.staged import StagedTable

T = "demo/raw/things"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64())})


def ids(lake: Lake, version: int | None = None) -> list[int]:
    return sorted(lake.read(T, version, columns=["id"])["id"].to_pylist())


def write(lake: Lake, parts: dict[str, pa.Table], **how: Any) -> StagedTable:
    """What Spark leaves behind; ``how`` is said of it (see `Lake.staged`)."""
    staged = lake.staged(T, "run", **how)
    for path, part in parts.items():
        file = Path(staged.folder) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(part, file)
    (Path(staged.folder) / "_SUCCESS").touch()
    return staged


def test_parquet_parts_of_another_engine_become_one_version(lake: Lake) -> None:
    by_month = {"partition_by": ["month"]}
    staged = write(lake, {"month=1/part-0.parquet": rows(1, 2), "month=2/part-0.parquet": rows(1, 2)}, **by_month)
    assert lake.commit_staged(staged, metadata={"raw": "7"}) == 1
    assert lake.metadata(T)["raw"] == "7"
    assert lake.schema(T).field("month").type == pa.int32()
    assert ids(lake) == [1, 1, 2, 2]
    assert not Path(staged.folder).exists()

    lake.commit_staged(write(lake, {"month=1/part-0.parquet": rows(7)}, mode="replace_partitions", **by_month))
    assert ids(lake) == [1, 2, 7]
    assert ids(lake, version=1) == [1, 1, 2, 2]  # the old part-0 was not overwritten

    lake.commit_staged(write(lake, {"month=3/part-0.parquet": rows(8)}, mode="append", **by_month))
    assert ids(lake) == [1, 2, 7, 8]

    lake.commit_staged(write(lake, {"month=3/part-0.parquet": rows(9)}, mode="overwrite", **by_month))
    assert ids(lake) == [9]


def test_committing_the_same_parts_again_changes_nothing(lake: Lake) -> None:
    for _ in range(2):
        staged = write(lake, {"part-0.parquet": rows(1)}, mode="append")
        assert lake.commit_staged(staged, transaction=("build", 1)) == 1
    assert ids(lake) == [1]
    assert not Path(staged.folder).exists()


def test_parts_of_which_some_work_is_committed_are_refused_and_kept(lake: Lake) -> None:
    lake.append(T, rows(1), transaction=("a", 1))
    staged = write(lake, {"part-0.parquet": rows(1, 2)}, mode="append")
    with pytest.raises(LakeConflict, match="1 of 2"):
        lake.commit_staged(staged, transaction={"a": 1, "b": 1})
    assert ids(lake) == [1]
    assert (Path(staged.folder) / "part-0.parquet").exists()


def test_a_folder_that_is_gone_does_not_empty_the_table(lake: Lake) -> None:
    staged = write(lake, {"part-0.parquet": rows(1)})
    lake.commit_staged(staged, transaction=("build", 1))
    assert lake.commit_staged(staged, transaction=("build", 1)) == 1
    with pytest.raises(LakeError, match="no parquet part"):
        lake.commit_staged(staged)
    assert ids(lake) == [1]
    assert lake.commit_staged(lake.staged(T, "run", schema=rows().schema)) == 2
    assert ids(lake) == []


def test_string_partitions_with_odd_characters_survive(lake: Lake) -> None:
    parts = {"dest=a b/p.parquet": rows(1), "dest=c%3Ad/p.parquet": rows(1)}
    lake.commit_staged(write(lake, parts, partition_by=["dest"]))
    assert sorted(lake.read(T)["dest"].to_pylist()) == ["a b", "c:d"]


def test_parts_that_disagree_are_refused_and_nothing_is_committed(lake: Lake) -> None:
    write(lake, {"a.parquet": rows(1), "b.parquet": pa.table({"other": [1]})})
    with pytest.raises(LakeError, match="differ in their columns"):
        lake.commit_staged(lake.staged(T, "run"))
    assert not lake.exists(T)
    with pytest.raises(LakeError, match="folders of the partition columns"):
        lake.commit_staged(lake.staged(T, "run", partition_by=["month"]))


def test_a_partition_may_not_change_the_type_of_a_column(lake: Lake) -> None:
    lake.commit_staged(write(lake, {"month=1/a.parquet": rows(1)}, partition_by=["month"]))
    text = pa.table({"id": ["x"]})
    staged = write(lake, {"month=2/a.parquet": text}, partition_by=["month"], mode="replace_partitions")
    with pytest.raises(LakeError, match="column id is int64 in the table and string"):
        lake.commit_staged(staged)


def test_what_a_killed_writer_left_is_invisible_and_the_next_one_writes_over_it(lake: Lake) -> None:
    lake.append(T, rows(1))
    write(lake, {"a.parquet": rows(2)})
    assert ids(lake) == [1]
    lake.commit_staged(write(lake, {"a.parquet": rows(3)}))
    assert ids(lake) == [3]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"mode": "merge"}, "'merge' is not one of append, overwrite, replace_partitions"),
        ({"mode": "replace_partitions", "partition_by": ["a", "b"]}, "works for one partition column"),
    ],
)
def test_what_cannot_be_committed_is_refused_before_it_is_written(lake: Lake, how: dict[str, Any], said: str) -> None:
    with pytest.raises(LakeError, match=said):
        lake.staged(T, "run", **how)
