"""What one ingestion says of itself."""

from __future__ import annotations

from airworthy.ingest.report import SHOWN, FileOutcome, IngestReport


def report(*files: FileOutcome) -> IngestReport:
    return IngestReport("demo", files, 3, {"things": 7})


def test_the_counts_are_those_of_the_files() -> None:
    told = report(
        FileOutcome("things", "a.csv", "accepted", rows=1200, quarantined_rows=2),
        FileOutcome("things", "b.csv", "quarantined", reason="not UTF-8"),
        FileOutcome("things", "c.csv", "pending", reason="still being written"),
    )
    assert (told.ingested, told.quarantined, told.pending, told.rows, told.quarantined_rows) == (1, 1, 1, 1200, 2)
    assert told.summary().splitlines() == [
        "demo: 1 files ingested, 3 known, 1 pending, 1 quarantined; 1,200 rows, 2 rows quarantined",
        "  things: +1,200 rows, version 7",
        "  a.csv: accepted, 2 rows quarantined",
        "  b.csv: quarantined: not UTF-8",
        "  c.csv: pending: still being written",
    ]


def test_only_rows_are_news_for_the_features() -> None:
    assert report(FileOutcome("things", "a.csv", "accepted", rows=1)).changed
    assert not report(FileOutcome("things", "a.csv", "accepted", reason="no rows")).changed
    assert not report().changed


def test_of_many_files_to_look_at_some_are_named_and_the_rest_counted() -> None:
    told = report(*(FileOutcome("things", f"{n}.csv", "quarantined", reason="bad") for n in range(SHOWN + 5)))
    lines = told.summary().splitlines()
    assert len(lines) == 2 + SHOWN + 1
    assert lines[-1] == "  and 5 more in the table demo/ingested"
