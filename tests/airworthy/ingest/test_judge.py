"""Which rows of landed files are good, and what is wrong with the others: no lake, no landing zone."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest
from landing_zone import HEADER, OLD, SPEC, line

from airworthy.ingest.batch import Content, Judged
from airworthy.ingest.judge import COPY, Judgement, judge
from airworthy.ingest.sources.files import Landed

THINGS = SPEC.sources["things"]


def content(name: str, text: str) -> Content:
    data = text.encode()
    return Content.of(Landed(f"things/{name}", len(data), OLD), data)


def judged(
    *texts: str, existing: Callable[[pa.Table], pa.Table | None] = lambda rows: None, max_bad: float = 0.5
) -> Judgement:
    files = [content(f"{number}.csv", text) for number, text in enumerate(texts)]
    return judge(files, THINGS, existing, max_bad=max_bad)


def faults(one: Judged) -> list[tuple[int, str | None, str | None, str]]:
    return [(fault.row, fault.column, fault.value, fault.reason) for fault in one.row_faults]


def test_good_rows_are_typed_and_say_which_file_they_are_from() -> None:
    judgement = judged(HEADER + line(1) + line(2), HEADER + line(3))
    assert judgement.rows["id"].to_pylist() == [1, 2, 3]
    assert judgement.rows["at"].type == pa.timestamp("us", "UTC")
    assert judgement.rows["_file"].to_pylist() == ["things/0.csv", "things/0.csv", "things/1.csv"]
    assert [(one.rows, one.status, one.reason) for one in judgement.files] == [(2, "accepted", ""), (1, "accepted", "")]


def test_every_fault_has_its_line_and_a_row_with_two_counts_once() -> None:
    good = "".join(line(n) for n in range(10, 20))
    (one,) = judged(
        HEADER
        + good
        + "\n"
        + line(1, value="warm")  # line 13: the blank one counts
        + line(2, day=32)
        + "3,1,5\n"
        + ",1,1,2013-01-01T10:00:00Z\n"
        + line(5, value="nan", at="soon")
    ).files
    assert (one.rows, one.bad_rows, one.status) == (10, 5, "accepted")
    assert sorted(faults(one), key=str) == [
        (13, "value", "warm", "is not a finite number"),
        (14, "day", "32", "is above the maximum 31"),
        (15, None, None, "3 values where the header has 4"),
        (16, "id", None, "is empty, and may not be"),
        (17, "at", "soon", "is not an ISO-8601 time"),
        (17, "value", "nan", "is not a finite number"),
    ]
    assert next(fault.raw for fault in one.row_faults if fault.row == 14) == line(2, day=32).strip()


def test_a_file_that_cannot_be_read_does_not_touch_its_neighbours_rows() -> None:
    judgement = judged(HEADER + line(1) + line(2, value="high"), "no,header\n1,2\n", HEADER + line(3) + line(4, day=0))
    assert judgement.rows["id"].to_pylist() == [1, 3]
    assert [one.status for one in judgement.files] == ["accepted", "quarantined", "accepted"]
    assert judgement.files[1].reason == "row 1: missing columns id, day, value, at"
    assert [fault.row for one in judgement.files for fault in one.row_faults] == [3, 3]


@pytest.mark.parametrize(("max_bad", "status", "rows"), [(0.5, "quarantined", 0), (0.7, "accepted", 1)])
def test_a_file_of_mostly_bad_rows_is_refused_as_a_whole(max_bad: float, status: str, rows: int) -> None:
    (one,) = judged(HEADER + line(1) + line(2, value="x") + line(-3), max_bad=max_bad).files
    assert (one.status, one.rows, one.bad_rows) == (status, rows, 2)
    if one.fault:
        assert one.reason == "row 3: 2 of 3 rows are bad, more than 50%; the first: " + (
            "row 3: value 'x' is not a finite number"
        )


def test_a_last_value_that_is_cut_off_makes_the_file_a_truncated_one() -> None:
    (one,) = judged(HEADER + line(1) + line(2)[:-9]).files
    assert one.fault is not None and one.fault.truncated
    assert (one.fault.row, one.fault.column) == (3, "at")
    assert one.fault.reason == "the last line is cut off: '2013-01-01T1' is not an ISO-8601 time"


def test_the_first_copy_of_a_key_is_kept_across_files_and_against_the_table() -> None:
    judgement = judged(
        HEADER + line(1, value="1") + line(2) + line(1, value="2"),
        HEADER + line(2) + line(3) + line(9),
        existing=lambda rows: pa.table({"id": pa.array([9], pa.int64())}),
    )
    assert judgement.rows.select(["id", "value"]).to_pylist() == [
        {"id": 1, "value": 1.0},
        {"id": 2, "value": 1.5},
        {"id": 3, "value": 1.5},
    ]
    first, second = judgement.files
    assert faults(first) == [(4, "id", "1", COPY)]
    assert faults(second) == [(2, "id", "2", COPY), (4, "id", "9", COPY)]


def test_repeated_keys_are_no_bad_rows_but_a_file_of_nothing_else_is_refused() -> None:
    judgement = judged(HEADER + line(1) + line(2) + line(3), HEADER + line(1) + line(2) + line(4), HEADER + line(1))
    assert [(one.rows, one.status) for one in judgement.files] == [(3, "accepted"), (1, "accepted"), (0, "quarantined")]
    assert judgement.files[2].reason == "no row is left: 1 rows repeat keys that are there already"


def test_only_good_rows_are_compared_with_the_table() -> None:
    seen: list[list[int]] = []

    def existing(rows: pa.Table) -> None:
        seen.append(rows["id"].to_pylist())

    judged(HEADER + line(1) + line(2, value="x") + line(3), HEADER + line(-1), existing=existing)
    assert seen == [[1, 3]]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (HEADER, "no rows"),
        ("colour," + HEADER + "red," + line(1), "ignored columns: colour"),
        (HEADER + line(1).strip(), "no newline at the end; taken as complete"),
    ],
)
def test_what_a_person_should_know_is_noted_and_refuses_nothing(text: str, note: str) -> None:
    (one,) = judged(text).files
    assert (one.status, one.reason) == ("accepted", note)


def test_no_files_make_no_rows() -> None:
    judgement = judged()
    assert (judgement.files, judgement.rows.num_rows) == ((), 0)
    assert judgement.rows.column_names == ["id", "day", "value", "at", "_file"]
