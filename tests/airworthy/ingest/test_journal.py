"""What is remembered of a source's files."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from landing_zone import OLD, Zone

from airworthy.ingest.batch import Batch, Content, Judged
from airworthy.ingest.faults import FileFault
from airworthy.ingest.journal import Journal
from airworthy.ingest.sources.files import Landed

A = Content.of(Landed("things/a.csv", 3, OLD), b"abc")
B = Content.of(Landed("things/b.csv", 1, OLD), b"b")


def journal(zone: Zone, source: str = "things") -> Journal:
    """As the next run finds it."""
    return Journal(zone.lake, "demo", source)


def test_before_the_first_run_nothing_is_known(zone: Zone) -> None:
    empty = journal(zone)
    assert not empty.knows(A.landed)
    assert not empty.knows_content("things/a.csv", A.checksum)
    assert not empty.accepted("things/a.csv")


def test_a_file_is_known_by_its_stamp_and_by_its_content_and_only_to_its_source(zone: Zone) -> None:
    journal(zone).commit(Batch((Judged(A, rows=2),), OLD), 1)
    later = journal(zone)
    assert later.knows(A.landed)
    touched = replace(A.landed, modified=OLD + timedelta(hours=1))
    assert not later.knows(touched)
    assert later.knows_content(touched.path, A.checksum)
    assert not later.knows_content(touched.path, B.checksum)
    assert not journal(zone, "others").knows(A.landed)


def test_a_quarantined_file_may_come_again_an_accepted_one_may_not_change(zone: Zone) -> None:
    batch = Batch((Judged(A, rows=2, note="no newline"), Judged(B, fault=FileFault("not UTF-8", 3))), OLD)
    journal(zone).commit(batch, 7)
    later = journal(zone)
    assert later.accepted("things/a.csv") and not later.accepted("things/b.csv")
    entries = {row["path"]: row for row in zone.lake.read("demo/ingested").to_pylist()}
    shown = ("status", "rows", "table_version", "reason", "batch", "at")
    assert [entries["things/a.csv"][name] for name in shown] == ["accepted", 2, 7, "no newline", batch.id, OLD]
    assert [entries["things/b.csv"][name] for name in shown[:4]] == ["quarantined", 0, None, "row 3: not UTF-8"]


def test_the_same_files_are_written_down_once(zone: Zone) -> None:
    for _ in range(2):
        journal(zone).commit(Batch((Judged(A),), OLD), 1)
    assert zone.lake.read("demo/ingested").num_rows == 1
