"""A source's raw table: every file's rows once, and of two runs from the same state one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from landing_zone import OLD, SPEC, Zone

from airworthy.ingest.batch import Batch, Content, Judged
from airworthy.ingest.faults import FileFault
from airworthy.ingest.raw_table import RawTable
from airworthy.ingest.sources.files import Landed
from airworthy.lake.errors import LakeConflict

THINGS = SPEC.sources["things"]
A, B, C = (Content.of(Landed(f"things/{name}.csv", 1, OLD), name.encode()) for name in "abc")


def rows(*numbers: int, file: Content, day: int = 1) -> pa.Table:
    n = len(numbers)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "day": pa.array([day] * n, pa.int64()),
            "value": pa.array([1.5] * n, pa.float64()),
            "at": pa.array([OLD] * n, pa.timestamp("us", "UTC")),
            "_file": pa.array([file.landed.path] * n, pa.string()),
        }
    )


def batch(*contents: Content) -> Batch:
    return Batch(tuple(Judged(content, rows=1) for content in contents), OLD)


@pytest.fixture
def raw(zone: Zone) -> RawTable:
    return RawTable(zone.lake, SPEC.name, "things", THINGS)


def test_a_file_whose_rows_are_there_is_left_out_of_the_next_commit(raw: RawTable, zone: Zone) -> None:
    assert raw.commit(rows(1, file=A), batch(A), raw.look([A])) == 1
    before = raw.look([A, B])
    assert before.held == {A.id}
    both = pa.concat_tables([rows(1, file=A), rows(2, file=B)])
    assert raw.commit(both, batch(A, B), before) == 2
    assert zone.ids() == [1, 2]
    assert raw.commit(both, batch(A, B), raw.look([A, B])) == 2, "nothing is missing: no commit"


def test_rows_of_a_refused_file_stay_out(raw: RawTable, zone: Zone) -> None:
    refused = Batch((Judged(A), Judged(B, fault=FileFault("bad"))), OLD)
    raw.commit(pa.concat_tables([rows(1, file=A), rows(2, file=B)]), refused, raw.look([A, B]))
    assert zone.ids() == [1]
    assert raw.look([B]).held == set()


def test_of_two_runs_that_planned_from_the_same_keys_the_second_is_refused(raw: RawTable, zone: Zone) -> None:
    raw.commit(rows(1, file=A), batch(A), raw.look([A]))
    mine, others = raw.look([B]), raw.look([C])
    raw.commit(rows(2, file=C), batch(C), others)
    with pytest.raises(LakeConflict):
        raw.commit(rows(2, file=B), batch(B), mine)
    assert zone.ids() == [1, 2]


def test_a_batch_of_which_nothing_is_left_is_refused_too_when_its_keys_were_another_runs(raw: RawTable) -> None:
    mine, others = raw.look([A]), raw.look([A])
    raw.commit(rows(1, file=A), batch(A), others)
    copies = Batch((Judged(A, fault=FileFault("no row is left")),), OLD)
    with pytest.raises(LakeConflict, match="another run"):
        raw.commit(rows(file=A), copies, mine)


def test_a_first_file_without_rows_makes_the_table_with_its_columns(raw: RawTable, zone: Zone) -> None:
    assert raw.commit(rows(file=A), batch(A), raw.look([A])) == 1
    assert zone.lake.schema("demo/raw/things").names[:4] == ["id", "day", "value", "at"]
    assert raw.commit(rows(file=B), batch(B), raw.look([B])) == 1, "once it is there, no rows are no commit"


def test_keys_are_those_of_the_same_partitions_but_not_of_the_files_left_out(raw: RawTable) -> None:
    assert raw.keys(rows(1, file=A), except_files=[]) is None
    for content, day in ((A, 1), (B, 2), (C, 1)):
        raw.commit(rows(day * 10, file=content, day=day), batch(content), raw.look([content]))

    def keys(*, day: int, except_files: list[str]) -> list[int]:
        found = raw.keys(rows(5, file=A, day=day), except_files=except_files)
        return [] if found is None else sorted(found["id"].to_pylist())

    assert keys(day=1, except_files=[]) == [10, 10]
    assert keys(day=1, except_files=[A.landed.path]) == [10]
    assert keys(day=2, except_files=[]) == [20]
    assert raw.keys(rows(file=A), except_files=[]) is None
