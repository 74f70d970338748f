"""Ingestion end to end: bad input goes to quarantine, good files go through, and nothing is taken twice."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from landing_zone import HEADER, OLD, Zone, line

from airworthy.ingest.sources.files import Settle
from airworthy.ingest.take import take_landed
from airworthy.lake.lake import Lake
from airworthy.settings import PROJECT_ROOT, Settings
from airworthy.spec import folders
from airworthy_demo.world import World


def test_good_rows_arrive_typed_and_say_where_they_are_from(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1, value="NA") + line(2, at="2013-01-01T12:00:00+02:00"))
    report = zone.take()
    assert (report.ingested, report.rows, report.versions, report.changed) == (1, 2, {"things": 1}, True)
    rows = sorted(zone.lake.read("demo/raw/things").to_pylist(), key=lambda row: row["id"])
    assert rows[0] == {
        "id": 1,
        "day": 1,
        "value": None,
        "at": datetime(2013, 1, 1, 10, tzinfo=UTC),
        "_file": "things/a.csv",
        "_ingested_batch": rows[0]["_ingested_batch"],
    }
    assert rows[1]["at"] == rows[0]["at"]


def test_running_again_commits_nothing_and_a_new_file_only_itself(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1) + line(2, value="high"))
    zone.take()
    before = zone.versions()
    again = zone.take()
    assert (again.skipped, again.files, again.changed) == (1, (), False)
    assert zone.versions() == before
    zone.put("b.csv", HEADER + line(3))
    assert zone.take().rows == 1
    assert zone.ids() == [1, 3]


@pytest.mark.parametrize(
    ("content", "row", "column", "reason"),
    [
        (HEADER + line(1) + line(2)[:6], 3, None, "the last line is cut off: 3 values where the header has 4"),
        (HEADER + line(1) + '2,1,"', 3, None, "a quoted value is never closed"),
        (HEADER + line(1) + line(2)[:-9], 3, "at", "the last line is cut off: '2013-01-01T1'"),
        ("id,day,at\n1,1,2013-01-01\n", 1, "value", "missing column value"),
        ("", None, None, "the file is empty"),
        (HEADER.encode() + line(1).encode() + b"2,1,\xff,2013-01-01\n", 3, None, "not UTF-8"),
        (HEADER + line(1) + line(2, value="x") + line(-3), 3, "value", "2 of 3 rows are bad, more than 50%"),
    ],
    ids=["truncated", "mid-quote", "mid-value", "missing-column", "zero-bytes", "encoding", "mostly-bad"],
)
def test_a_file_that_cannot_be_used_is_quarantined_and_the_good_one_goes_through(
    zone: Zone, content: str | bytes, row: int | None, column: str | None, reason: str
) -> None:
    zone.put("bad.csv", content)
    zone.put("good.csv", HEADER + line(7))
    report = zone.take()
    assert (report.ingested, report.quarantined, report.rows) == (1, 1, 1)
    assert zone.ids() == [7]
    first = next(entry for entry in zone.quarantine() if reason in entry[4])
    assert first[:3] == ("things/bad.csv", row, column)
    assert "things/bad.csv: quarantined" in report.summary() and reason in report.summary()
    before = zone.versions()
    assert zone.take().changed is False
    assert zone.versions() == before


def test_the_first_copy_of_a_row_is_kept_within_a_file_across_files_and_across_runs(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1, value="1") + line(2) + line(1, value="2"))
    zone.put("b.csv", HEADER + line(2) + line(3), OLD + timedelta(hours=1))
    zone.take()
    zone.put("c.csv", HEADER + line(3) + line(4), OLD + timedelta(hours=2))
    report = zone.take()
    assert (report.rows, report.quarantined_rows) == (1, 1)
    assert zone.ids() == [1, 2, 3, 4]
    assert zone.lake.read("demo/raw/things", filters=[("id", "=", 1)])["value"].to_pylist() == [1.0]
    reason = "repeats a key that is there already; the first copy is kept"
    assert zone.quarantine() == [
        ("things/a.csv", 4, "id", "1", reason),
        ("things/b.csv", 2, "id", "2", reason),
        ("things/c.csv", 2, "id", "3", reason),
    ]


def test_the_same_file_under_another_name_adds_nothing(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1) + line(2))
    zone.take()
    zone.put("copy.csv", HEADER + line(1) + line(2))
    report = zone.take()
    assert (report.quarantined, report.rows, zone.versions()["raw/things"]) == (1, 0, 1)
    assert "no row is left: 2 rows repeat keys" in report.summary()


def test_a_file_that_grows_while_it_is_looked_at_waits_for_the_next_run(zone: Zone) -> None:
    now = datetime.now(UTC)
    path = zone.put("a.csv", HEADER + line(1), now)

    def write_on(_seconds: float) -> None:
        with path.open("a") as stream:
            stream.write(line(2))

    zone.put("b.csv", HEADER + line(9))
    report = zone.take(now=now, settle=Settle(sleep=write_on))
    assert [(f.path, f.status) for f in report.files] == [
        ("things/a.csv", "pending"),
        ("things/b.csv", "accepted"),
    ]
    assert zone.take(settle=Settle(sleep=lambda _: None)).rows == 2
    assert zone.ids() == [1, 2, 9]


def test_a_writer_that_really_writes_is_never_half_read(zone: Zone) -> None:
    path = zone.put("a.csv", HEADER)
    stop = threading.Event()

    def write() -> None:
        with path.open("a", buffering=1) as stream:
            for number in range(1, 200):
                if stop.is_set():
                    break
                stream.write(line(number))
                stop.wait(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    report = zone.take(settle=Settle(pause=timedelta(seconds=0.05)))
    stop.set()
    writer.join()
    assert report.pending == 1 and zone.ids() == []
    zone.take(settle=Settle(young=timedelta(0)))
    assert len(zone.ids()) == path.read_text().count("\n") - 1


def test_a_young_file_that_ends_in_a_line_waits_and_an_old_one_is_truncated(zone: Zone) -> None:
    now = datetime(2013, 6, 1, tzinfo=UTC)
    zone.put("a.csv", HEADER + line(1) + "2,", now - timedelta(seconds=5))
    quiet = Settle(sleep=lambda _: None)
    assert zone.take(now=now, settle=quiet).pending == 1
    assert zone.quarantine() == []
    assert zone.take(now=now + timedelta(minutes=5), settle=quiet).quarantined == 1


def test_a_quarantined_file_may_be_landed_again_mended(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1) + "2,")
    assert zone.take().quarantined == 1
    zone.put("a.csv", HEADER + line(1) + line(2), OLD + timedelta(hours=1))
    assert zone.take().rows == 2
    assert zone.ids() == [1, 2]


def test_a_file_that_changes_after_ingestion_is_refused_and_its_first_rows_stay(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1, value="1"))
    zone.take()
    zone.put("a.csv", HEADER + line(1, value="2") + line(2), OLD + timedelta(hours=1))
    report = zone.take()
    assert (report.quarantined, report.rows) == (1, 0)
    assert zone.lake.read("demo/raw/things")["value"].to_pylist() == [1.0]
    assert "changed after ingestion" in zone.quarantine()[0][4]
    before = zone.versions()
    zone.take()
    assert zone.versions() == before
    zone.put("a.csv", HEADER + line(1, value="1"), OLD + timedelta(hours=2))  # back to what it was
    assert zone.take().skipped == 1


def test_a_touched_file_is_still_known(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1))
    zone.take()
    zone.put("a.csv", HEADER + line(1), OLD + timedelta(hours=1))
    report = zone.take()
    assert (report.skipped, report.files) == (1, ())


def test_as_of_leaves_out_what_landed_later(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1))
    zone.put("b.csv", HEADER + line(2), OLD + timedelta(days=2))
    assert zone.take(as_of=OLD + timedelta(days=1)).rows == 1
    assert zone.ids() == [1]
    assert zone.take(as_of=OLD + timedelta(days=2)).rows == 1


def test_many_files_are_committed_in_bounded_batches(zone: Zone) -> None:
    for number in range(5):
        zone.put(f"{number}.csv", HEADER + line(number))
    report = zone.take(batch_bytes=2 * len(HEADER + line(0)))
    assert (report.ingested, report.versions) == (5, {"things": 3})
    assert zone.ids() == [0, 1, 2, 3, 4]


def test_two_runs_at_once_take_every_row_once(zone: Zone) -> None:
    for number in range(20):
        zone.put(f"{number}.csv", HEADER + line(number) + line(1000))
    errors: list[BaseException] = []

    def run() -> None:
        try:
            zone.take(batch_bytes=5 * len(HEADER + line(0) + line(1000)))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert zone.ids() == [*range(20), 1000]
    assert len(zone.quarantine()) == 19
    assert zone.lake.read("demo/ingested").num_rows == 20


def test_the_real_days_pass_the_example_contract_whole(tmp_path: Path) -> None:
    spec = folders.load(PROJECT_ROOT / "include" / "pipelines", "flight_delays")
    settings = Settings(home=tmp_path, lake=str(tmp_path / "lake"), landing=str(tmp_path / "landing"))
    world = World()
    # the clock changes on 10 March and 3 November: then an hour is there twice on the wall, not in UTC
    ranges = ((date(2013, 3, 9), date(2013, 3, 11)), (date(2013, 11, 2), date(2013, 11, 4)))
    for start, end in ranges:
        world.land(settings.landing, start, end)
    hours = sum(len(path.read_text().splitlines()) - 1 for path in (tmp_path / "landing/weather").iterdir())
    report = take_landed(spec, settings, settle=Settle(sleep=lambda _: None))
    assert (report.pending, report.quarantined, report.quarantined_rows) == (0, 0, 0)
    lake = Lake.of(settings)
    flights = sum(len(world.labels(*days)) for days in ranges)
    assert lake.read("flight_delays/raw/flights").num_rows == flights
    assert lake.read("flight_delays/raw/weather").num_rows == hours
    assert lake.read("flight_delays/raw/planes").num_rows == 3322


def test_an_empty_day_is_accepted_and_noted(zone: Zone) -> None:
    zone.put("a.csv", HEADER)
    report = zone.take()
    assert (report.ingested, report.rows, report.versions) == (1, 0, {"things": 1})
    assert "things/a.csv: accepted: no rows" in report.summary()
    assert zone.lake.schema("demo/raw/things").names[:4] == ["id", "day", "value", "at"]
    assert zone.take().files == ()
