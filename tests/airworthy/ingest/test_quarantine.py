"""What was refused is kept once, with file, row, value and reason, and told to people."""

from __future__ import annotations

from datetime import timedelta

from landing_zone import OLD, Zone

from airworthy.ingest import quarantine
from airworthy.ingest.batch import Batch, Content, Judged
from airworthy.ingest.faults import FileFault, RowFault
from airworthy.ingest.sources.files import Landed

A, B, C = (Content.of(Landed(f"things/{name}.csv", 1, OLD), name.encode()) for name in "abc")
ROWS = Judged(A, row_faults=(RowFault(3, "1,x", "is not a number", "n", "x"), RowFault(4, "2", "1 values")))
WHOLE = Judged(B, fault=FileFault("not UTF-8", 2))
GOOD = Judged(C, rows=5)


def test_faults_are_kept_with_all_that_is_known_of_them(zone: Zone) -> None:
    batch = Batch((ROWS, WHOLE, GOOD), OLD)
    quarantine.commit(zone.lake, "demo", "things", batch)
    assert zone.quarantine() == [
        ("things/a.csv", 3, "n", "x", "is not a number"),
        ("things/a.csv", 4, None, None, "1 values"),
        ("things/b.csv", 2, None, None, "not UTF-8"),
    ]
    first = next(row for row in zone.lake.read("demo/quarantine/things").to_pylist() if row["row"] == 3)
    assert (first["raw"], first["checksum"], first["batch"], first["at"]) == ("1,x", A.checksum, batch.id, OLD)


def test_files_that_are_there_already_are_left_out(zone: Zone) -> None:
    quarantine.commit(zone.lake, "demo", "things", Batch((ROWS,), OLD))
    quarantine.commit(zone.lake, "demo", "things", Batch((ROWS, WHOLE), OLD))
    assert len(zone.quarantine()) == 3
    before = zone.versions()
    quarantine.commit(zone.lake, "demo", "things", Batch((ROWS, WHOLE, GOOD), OLD))
    assert zone.versions() == before


def test_nothing_refused_makes_no_table(zone: Zone) -> None:
    quarantine.commit(zone.lake, "demo", "things", Batch((GOOD,), OLD))
    assert zone.versions()["quarantine/things"] is None
    assert quarantine.describe(zone.lake, "demo", ["things"]) == "things: nothing in quarantine"


def test_people_are_told_the_reasons_by_number_then_the_newest_entries(zone: Zone) -> None:
    quarantine.commit(zone.lake, "demo", "things", Batch((ROWS,), OLD))
    more = Judged(C, row_faults=tuple(RowFault(n, "raw", "is not a number", "n", "y") for n in (2, 3)))
    quarantine.commit(zone.lake, "demo", "things", Batch((more, WHOLE), OLD + timedelta(days=1)))
    lines = quarantine.describe(zone.lake, "demo", ["things", "others"], shown=2).splitlines()
    assert lines[:2] == ["things: 5 entries", "  3 in 2 files: n is not a number"]
    assert lines[3:] == [
        "    things/b.csv:2:  not UTF-8",
        "    things/c.csv:2: n 'y' is not a number",
        "others: nothing in quarantine",
    ]
