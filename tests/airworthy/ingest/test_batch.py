"""Files that are dealt with together."""

from __future__ import annotations

from dataclasses import replace

from landing_zone import OLD

from airworthy.ingest.batch import Batch, Content, Judged
from airworthy.ingest.faults import FileFault, RowFault
from airworthy.ingest.sources.files import Landed


def content(path: str, data: bytes = b"x") -> Content:
    return Content.of(Landed(path, len(data), OLD), data)


def test_a_file_is_known_by_name_and_content() -> None:
    assert content("a").id == content("a").id
    assert len({content("a").id, content("b").id, content("a", b"y").id}) == 3


def test_a_batch_is_known_by_its_files_whatever_their_order_and_outcome() -> None:
    a, b = Judged(content("a")), Judged(content("b"))
    batch = Batch((a, b), OLD)
    assert batch.id == Batch((replace(b, rows=3), a), OLD).id
    assert batch.id != Batch((a,), OLD).id
    assert len(batch.id) == 16


def test_the_reason_is_the_files_fault_with_its_row_else_the_note() -> None:
    one = Judged(content("a"), note="no rows")
    assert (one.status, one.reason) == ("accepted", "no rows")
    whole = replace(one, fault=FileFault("the file is empty"))
    assert (whole.status, whole.reason) == ("quarantined", "the file is empty")
    assert replace(one, fault=FileFault("not UTF-8", 3)).reason == "row 3: not UTF-8"


def test_a_row_with_two_faults_is_one_bad_row() -> None:
    faults = (RowFault(2, "raw", "a"), RowFault(2, "raw", "b"), RowFault(5, "raw", "a"))
    assert Judged(content("a"), row_faults=faults).bad_rows == 2
