"""Delta tables: versions, exactly-once commits, partitions."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa
import pytest

from airworthy.lake.errors import LakeConflict, LakeError, TableMissing
from airworthy.lake.lake import Lake

T = "demo/raw/things"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def rows(*ids: int, month: int = 1) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "month": pa.array([month] * len(ids), pa.int64())})


def ids(lake: Lake, version: int | None = None) -> list[int]:
    return sorted(lake.read(T, version, columns=["id"])["id"].to_pylist())


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
