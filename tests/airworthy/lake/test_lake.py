"""Delta tables: versions, exactly-once commits, partitions, and the hand-over from another engine."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airworthy.lake.lake import Lake, LakeConflict, LakeError, TableMissing

T = "demo/raw/things"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def rows(*ids: int, month: int = 1) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "month": pa.array([month] * len(ids), pa.int64())})


def ids(lake: Lake, version: int | None = None) -> list[int]:
    return sorted(lake.read(T, version, columns=["id"])["id"].to_pylist())


def stage(lake: Lake, name: str, parts: dict[str, pa.Table]) -> str:
    staged = lake.staging(T, name)
    for path, part in parts.items():
        file = Path(staged) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(part, file)
    (Path(staged) / "_SUCCESS").touch()
    return staged


def test_a_table_does_not_exist_before_its_first_commit(lake: Lake) -> None:
    assert not lake.exists(T)
    assert lake.version(T) is None
    with pytest.raises(TableMissing, match="no Delta table"):
        lake.read(T)


def test_every_append_is_a_version_and_old_ones_stay_readable(lake: Lake) -> None:
    assert lake.append(T, rows(1), partition_by=["month"]) == 1
    assert lake.append(T, rows(2, month=2)) == 2
    assert ids(lake) == [1, 2]
    assert ids(lake, version=1) == [1]
    assert ids(lake, version=0) == []
    assert lake.read(T, filters=[("month", "=", 2)])["id"].to_pylist() == [2]
    assert len(lake.files(T, 1)) == 1 and len(lake.files(T)) == 2
    assert all(Path(file).is_absolute() and Path(file).exists() for file in lake.files(T))
    with pytest.raises(TableMissing, match="no version 9"):
        lake.read(T, version=9)


def test_the_same_transaction_commits_once(lake: Lake) -> None:
    for _ in range(3):
        assert lake.append(T, rows(1), transaction=("batch", 1)) == 1
    assert lake.append(T, rows(2), transaction=("batch", 2)) == 2
    assert lake.append(T, rows(1), transaction=("batch", 1)) == 2
    assert ids(lake) == [1, 2]
    assert lake.transaction_version(T, "batch") == 2
    assert lake.committed(T, {"batch": 2, "other": 1}) == {"batch"}


def test_half_committed_work_is_refused_rather_than_doubled(lake: Lake) -> None:
    lake.append(T, rows(1), transaction={"file:a": 1})
    with pytest.raises(LakeConflict, match="1 of 2"):
        lake.append(T, rows(1, 2), transaction={"file:a": 1, "file:b": 1})
    assert ids(lake) == [1]


def test_writers_at_the_same_time_all_commit_and_the_same_work_only_once(tmp_path: Path) -> None:
    for attempt in range(5):  # the first commits of a new table race too
        lake = Lake(str(tmp_path / str(attempt)))
        errors: list[BaseException] = []
        start = threading.Barrier(4)

        def work(number: int, lake: Lake = lake, start: threading.Barrier = start) -> None:
            try:
                start.wait()
                lake.append(T, rows(100), transaction=("shared", 1))
                lake.append(T, rows(number), transaction=(f"w{number}", 1))
            except BaseException as error:
                errors.append(error)  # noqa: B023

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert ids(lake) == [0, 1, 2, 3, 100]


def test_a_new_column_is_added_and_a_changed_type_is_refused(lake: Lake) -> None:
    lake.append(T, rows(1))
    lake.append(T, rows(2).append_column("extra", pa.array(["x"])))
    assert sorted(lake.read(T)["extra"].to_pylist(), key=str) == [None, "x"]
    with pytest.raises(LakeError, match="column id is int64 in the table and string"):
        lake.append(T, pa.table({"id": ["text"], "month": [1]}))


def test_replacing_a_partition_leaves_the_others(lake: Lake) -> None:
    lake.append(T, rows(1, 2), partition_by=["month"])
    lake.append(T, rows(3, month=2))
    lake.replace_partitions(T, rows(9), partition_by=["month"])
    assert ids(lake) == [3, 9]
    lake.replace_partitions(T, rows(5, month=7))
    assert ids(lake) == [5]


def test_a_commit_keeps_its_metadata(lake: Lake) -> None:
    lake.append(T, rows(1), metadata={"raw_versions": '{"flights": 3}'})
    lake.append(T, rows(2), metadata={"raw_versions": '{"flights": 4}'})
    assert lake.metadata(T)["raw_versions"] == '{"flights": 4}'
    assert lake.metadata(T, 1)["raw_versions"] == '{"flights": 3}'


def test_parquet_parts_of_another_engine_become_one_version(lake: Lake) -> None:
    part = rows(1, 2).select(["id"])
    staged = stage(lake, "run", {"month=1/part-0.parquet": part, "month=2/part-0.parquet": part})
    assert lake.commit_parquet(T, staged, partition_by=["month"], metadata={"raw": "7"}) == 1
    assert lake.metadata(T)["raw"] == "7"
    assert lake.schema(T).field("month").type == pa.int32()
    assert ids(lake) == [1, 1, 2, 2]
    assert not Path(staged).exists()

    staged = stage(lake, "run", {"month=1/part-0.parquet": rows(7).select(["id"])})
    lake.commit_parquet(T, staged, partition_by=["month"], mode="replace_partitions")
    assert ids(lake) == [1, 2, 7]
    assert ids(lake, version=1) == [1, 1, 2, 2]  # the old part-0 was not overwritten

    staged = stage(lake, "run", {"month=3/part-0.parquet": rows(8).select(["id"])})
    lake.commit_parquet(T, staged, partition_by=["month"], mode="append")
    assert ids(lake) == [1, 2, 7, 8]

    staged = stage(lake, "run", {"month=3/part-0.parquet": rows(9).select(["id"])})
    lake.commit_parquet(T, staged, partition_by=["month"], mode="overwrite")
    assert ids(lake) == [9]


def test_committing_the_same_parts_again_changes_nothing(lake: Lake) -> None:
    for _ in range(2):
        staged = stage(lake, "run", {"part-0.parquet": rows(1)})
        assert lake.commit_parquet(T, staged, mode="append", transaction=("build", 1)) == 1
    assert ids(lake) == [1]
    assert not Path(staged).exists()


def test_staging_that_is_gone_does_not_empty_the_table(lake: Lake) -> None:
    staged = stage(lake, "run", {"part-0.parquet": rows(1)})
    lake.commit_parquet(T, staged, transaction=("build", 1))
    assert lake.commit_parquet(T, staged, transaction=("build", 1)) == 1
    with pytest.raises(LakeError, match="no parquet part"):
        lake.commit_parquet(T, staged)
    assert ids(lake) == [1]
    assert lake.commit_parquet(T, staged, schema=rows().schema) == 2
    assert ids(lake) == []


def test_string_partitions_with_odd_characters_survive(lake: Lake) -> None:
    part = rows(1).select(["id"])
    staged = stage(lake, "run", {"dest=a b/p.parquet": part, "dest=c%3Ad/p.parquet": part})
    lake.commit_parquet(T, staged, partition_by=["dest"])
    assert sorted(lake.read(T)["dest"].to_pylist()) == ["a b", "c:d"]


def test_parts_that_disagree_are_refused_and_nothing_is_committed(lake: Lake) -> None:
    staged = stage(lake, "run", {"a.parquet": rows(1), "b.parquet": pa.table({"other": [1]})})
    with pytest.raises(LakeError, match="differ in their columns"):
        lake.commit_parquet(T, staged)
    assert not lake.exists(T)
    with pytest.raises(LakeError, match="folders of the partition columns"):
        lake.commit_parquet(T, staged, partition_by=["month"])


def test_a_partition_may_not_change_the_type_of_a_column(lake: Lake) -> None:
    lake.commit_parquet(T, stage(lake, "r", {"month=1/a.parquet": pa.table({"id": [1]})}), partition_by=["month"])
    staged = stage(lake, "r", {"month=2/a.parquet": pa.table({"id": ["x"]})})
    with pytest.raises(LakeError, match="column id is int64 in the table and string"):
        lake.commit_parquet(T, staged, partition_by=["month"], mode="replace_partitions")


def test_what_a_killed_writer_left_in_staging_is_invisible_and_the_next_one_writes_over_it(lake: Lake) -> None:
    lake.append(T, rows(1))
    stage(lake, "build", {"a.parquet": rows(2)})
    assert ids(lake) == [1]
    staged = stage(lake, "build", {"a.parquet": rows(3)})
    lake.commit_parquet(T, staged)
    assert ids(lake) == [3]
