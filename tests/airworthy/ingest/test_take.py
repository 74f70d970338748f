"""Ingestion end to end: bad input goes to quarantine, good files go through, and nothing is taken twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from airworthy.ingest.quarantine import describe
from airworthy.ingest.report import IngestReport
from airworthy.ingest.sources.files import Landing, Settle
from airworthy.ingest.take import take_landed
from airworthy.lake.lake import Lake
from airworthy.settings import PROJECT_ROOT, Settings
from airworthy.spec import folders
from airworthy.spec.pipeline import PipelineSpec
from airworthy_demo.world import World

HEADER = "id,day,value,at\n"
OLD = datetime(2013, 1, 1, tzinfo=UTC)
SPEC = PipelineSpec.model_validate(
    {
        "name": "demo",
        "sources": {
            "things": {
                "path": "things/*.csv",
                "key": ["id"],
                "partition_by": ["day"],
                "columns": {
                    "id": {"type": "int", "min": 0},
                    "day": {"type": "int", "min": 1, "max": 31},
                    "value": {"type": "float", "max": 100, "nullable": True},
                    "at": {"type": "timestamp"},
                },
            }
        },
        "key": "id",
        "event_time": "at",
        "prediction_time": "at",
        "known_at": "at",
        "label": {"name": "late"},
        "features": {"request": {"numeric": ["value"]}},
        "release": {"approvers": ["approver"]},
    }
)


def line(number: int, day: int = 1, value: str = "1.5", at: str = "2013-01-01T10:00:00Z") -> str:
    return f"{number},{day},{value},{at}\n"


class Zone:
    """A landing zone and a lake in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder, lake=str(folder / "lake"), landing=str(folder / "landing"))
        self.lake = Lake.of(self.settings)

    def put(self, name: str, content: str | bytes, modified: datetime = OLD) -> Path:
        path = Path(self.settings.landing) / "things" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (modified.timestamp(), modified.timestamp()))
        return path

    def ingest(self, **options: Any) -> IngestReport:
        return take_landed(SPEC, self.settings, **options)

    def ids(self) -> list[int]:
        return (
            sorted(self.lake.read("demo/raw/things")["id"].to_pylist()) if self.lake.exists("demo/raw/things") else []
        )

    def quarantine(self) -> list[tuple[Any, ...]]:
        """file, row, column, value, reason; ordered."""
        if not self.lake.exists("demo/quarantine/things"):
            return []
        rows = self.lake.read("demo/quarantine/things").to_pylist()
        names = ("file", "row", "column", "value", "reason")
        return sorted((tuple(row[n] for n in names) for row in rows), key=str)

    def versions(self) -> dict[str, int | None]:
        return {t: self.lake.version(f"demo/{t}") for t in ("raw/things", "quarantine/things", "ingested")}


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path)


def test_good_rows_arrive_typed_and_say_where_they_are_from(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1, value="NA") + line(2, at="2013-01-01T12:00:00+02:00"))
    report = zone.ingest()
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
    zone.ingest()
    before = zone.versions()
    again = zone.ingest()
    assert (again.skipped, again.files, again.changed) == (1, (), False)
    assert zone.versions() == before
    zone.put("b.csv", HEADER + line(3))
    assert zone.ingest().rows == 1
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
    report = zone.ingest()
    assert (report.ingested, report.quarantined, report.rows) == (1, 1, 1)
    assert zone.ids() == [7]
    first = next(entry for entry in zone.quarantine() if reason in entry[4])
    assert first[:3] == ("things/bad.csv", row, column)
    assert "things/bad.csv: quarantined" in report.summary() and reason in report.summary()
    before = zone.versions()
    assert zone.ingest().changed is False
    assert zone.versions() == before


def test_bad_rows_are_quarantined_with_line_value_and_reason_and_the_others_pass(zone: Zone) -> None:
    zone.put(
        "a.csv",
        HEADER
        + "".join(line(n) for n in range(10, 20))
        + "\n"
        + line(1, value="warm")  # line 13: the blank one counts
        + line(2, day=32)
        + "3,1,5\n"
        + ",1,1,2013-01-01T10:00:00Z\n"
        + line(5, value="nan", at="soon"),
    )
    report = zone.ingest()
    assert (report.ingested, report.rows, report.quarantined_rows) == (1, 10, 5)
    assert zone.ids() == list(range(10, 20))
    file = "things/a.csv"
    assert zone.quarantine() == [
        (file, 13, "value", "warm", "is not a finite number"),
        (file, 14, "day", "32", "is above the maximum 31"),
        (file, 15, None, None, "3 values where the header has 4"),
        (file, 16, "id", None, "is empty, and may not be"),
        (file, 17, "at", "soon", "is not an ISO-8601 time"),
        (file, 17, "value", "nan", "is not a finite number"),
    ]
    raw = {row["row"]: row["raw"] for row in zone.lake.read("demo/quarantine/things").to_pylist()}
    assert raw[14] == line(2, day=32).strip()
    text = describe(zone.lake, "demo", ["things"])
    assert "things/a.csv:14: day '32' is above the maximum 31" in text


def test_the_first_copy_of_a_row_is_kept_within_a_file_across_files_and_across_runs(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1, value="1") + line(2) + line(1, value="2"))
    zone.put("b.csv", HEADER + line(2) + line(3), OLD + timedelta(hours=1))
    zone.ingest()
    zone.put("c.csv", HEADER + line(3) + line(4), OLD + timedelta(hours=2))
    report = zone.ingest()
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
    zone.ingest()
    zone.put("copy.csv", HEADER + line(1) + line(2))
    report = zone.ingest()
    assert (report.quarantined, report.rows, zone.versions()["raw/things"]) == (1, 0, 1)
    assert "no row is left: 2 rows repeat keys" in report.summary()


def test_an_empty_day_is_accepted_and_noted(zone: Zone) -> None:
    zone.put("a.csv", HEADER)
    report = zone.ingest()
    assert (report.ingested, report.rows, report.versions) == (1, 0, {"things": 1})
    assert "things/a.csv: accepted: no rows" in report.summary()
    assert zone.lake.schema("demo/raw/things").names[:4] == ["id", "day", "value", "at"]
    assert zone.ingest().files == ()


def test_unknown_columns_are_ignored_and_told(zone: Zone) -> None:
    zone.put("a.csv", "colour," + HEADER + "red," + line(1))
    assert "ignored columns: colour" in zone.ingest().summary()
    assert zone.ids() == [1]


def test_temporary_names_are_left_for_their_writers(zone: Zone) -> None:
    for name in ("a.csv.tmp", "b.csv.part", "_c.csv", ".d.csv"):
        zone.put(name, HEADER + line(1))
    report = zone.ingest()
    assert {file.path for file in report.files if file.status == "pending"} == {
        "things/a.csv.tmp",
        "things/b.csv.part",
        "things/_c.csv",
        "things/.d.csv",
    }
    assert "still being written" in report.summary() and zone.versions()["ingested"] is None


def test_a_file_that_grows_while_it_is_looked_at_waits_for_the_next_run(zone: Zone) -> None:
    now = datetime.now(UTC)
    path = zone.put("a.csv", HEADER + line(1), now)

    def write_on(_seconds: float) -> None:
        with path.open("a") as stream:
            stream.write(line(2))

    zone.put("b.csv", HEADER + line(9))
    report = zone.ingest(now=now, settle=Settle(sleep=write_on))
    assert [(f.path, f.status) for f in report.files] == [
        ("things/a.csv", "pending"),
        ("things/b.csv", "accepted"),
    ]
    assert zone.ingest(settle=Settle(sleep=lambda _: None)).rows == 2
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
    report = zone.ingest(settle=Settle(pause=timedelta(seconds=0.05)))
    stop.set()
    writer.join()
    assert report.pending == 1 and zone.ids() == []
    zone.ingest(settle=Settle(young=timedelta(0)))
    assert len(zone.ids()) == path.read_text().count("\n") - 1


def test_a_young_file_that_ends_in_a_line_waits_and_an_old_one_is_truncated(zone: Zone) -> None:
    now = datetime(2013, 6, 1, tzinfo=UTC)
    zone.put("a.csv", HEADER + line(1) + "2,", now - timedelta(seconds=5))
    quiet = Settle(sleep=lambda _: None)
    assert zone.ingest(now=now, settle=quiet).pending == 1
    assert zone.quarantine() == []
    assert zone.ingest(now=now + timedelta(minutes=5), settle=quiet).quarantined == 1


def test_a_quarantined_file_may_be_landed_again_mended(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1) + "2,")
    assert zone.ingest().quarantined == 1
    zone.put("a.csv", HEADER + line(1) + line(2), OLD + timedelta(hours=1))
    assert zone.ingest().rows == 2
    assert zone.ids() == [1, 2]


def test_a_file_that_changes_after_ingestion_is_refused_and_its_first_rows_stay(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1, value="1"))
    zone.ingest()
    zone.put("a.csv", HEADER + line(1, value="2") + line(2), OLD + timedelta(hours=1))
    report = zone.ingest()
    assert (report.quarantined, report.rows) == (1, 0)
    assert zone.lake.read("demo/raw/things")["value"].to_pylist() == [1.0]
    assert "changed after ingestion" in zone.quarantine()[0][4]
    before = zone.versions()
    zone.ingest()
    assert zone.versions() == before
    zone.put("a.csv", HEADER + line(1, value="1"), OLD + timedelta(hours=2))  # back to what it was
    assert zone.ingest().skipped == 1


def test_a_touched_file_is_still_known(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1))
    zone.ingest()
    zone.put("a.csv", HEADER + line(1), OLD + timedelta(hours=1))
    report = zone.ingest()
    assert (report.skipped, report.files) == (1, ())


def test_as_of_leaves_out_what_landed_later(zone: Zone) -> None:
    zone.put("a.csv", HEADER + line(1))
    zone.put("b.csv", HEADER + line(2), OLD + timedelta(days=2))
    assert zone.ingest(as_of=OLD + timedelta(days=1)).rows == 1
    assert zone.ids() == [1]
    assert zone.ingest(as_of=OLD + timedelta(days=2)).rows == 1


def test_many_files_are_committed_in_bounded_batches(zone: Zone) -> None:
    for number in range(5):
        zone.put(f"{number}.csv", HEADER + line(number))
    report = zone.ingest(batch_bytes=2 * len(HEADER + line(0)))
    assert (report.ingested, report.versions) == (5, {"things": 3})
    assert zone.ids() == [0, 1, 2, 3, 4]


KILLED = """
import os, signal, sys
from airworthy.lake.lake import Lake
from airworthy.settings import Settings
from tests_ingest import SPEC
from airworthy.ingest.take import take_landed

append, calls = Lake.append, 0

def killing(self, table, *args, **kwargs):
    global calls
    calls += 1
    where, number = sys.argv[1], int(sys.argv[2])
    if calls == number and where == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    version = append(self, table, *args, **kwargs)
    if calls == number and where == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return version

Lake.append = killing
take_landed(SPEC, Settings(home=sys.argv[3], lake=sys.argv[3] + "/lake", landing=sys.argv[3] + "/landing"))
"""


@pytest.mark.parametrize(("where", "commit"), [("before", 1), ("after", 1), ("after", 2), ("before", 3), ("after", 3)])
def test_killed_anywhere_the_next_run_completes_and_nothing_is_there_twice(
    zone: Zone, tmp_path: Path, where: str, commit: int
) -> None:
    zone.put("a.csv", HEADER + line(1) + line(2, value="high") + line(3) + line(3))
    zone.put("b.csv", HEADER + line(5) + "6,")
    script = tmp_path / "killed.py"
    script.write_text(textwrap.dedent(KILLED).replace("tests_ingest", Path(__file__).stem))
    path = os.pathsep.join([str(PROJECT_ROOT / "include"), str(Path(__file__).parent)])
    process = subprocess.run(
        [sys.executable, str(script), where, str(commit), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr

    # meanwhile another file has landed: with a row that the killed run had taken, and older than it
    zone.put("0.csv", HEADER + line(1, value="9") + line(7), OLD - timedelta(days=1))
    zone.ingest()
    assert zone.ids() == [1, 3, 7]
    first_copy_was_taken = (where, commit) != ("before", 1)
    copy = ("things/0.csv", 2) if first_copy_was_taken else ("things/a.csv", 2)
    assert [entry[:2] for entry in zone.quarantine()] == sorted(
        [("things/a.csv", 3), ("things/a.csv", 5), ("things/b.csv", 3), copy]
    )
    log = zone.lake.read("demo/ingested")
    rows = dict(zip(log["path"].to_pylist(), log["rows"].to_pylist(), strict=True))
    assert log.num_rows == 3
    assert rows == {
        "things/0.csv": 1 if first_copy_was_taken else 2,
        "things/a.csv": 2 if first_copy_was_taken else 1,
        "things/b.csv": 0,
    }
    before = zone.versions()
    assert zone.ingest().files == ()
    assert zone.versions() == before


FULL = """
import resource, sys
from airworthy.settings import Settings
from tests_ingest import SPEC
from airworthy.ingest.take import take_landed

# no file may grow beyond this: what a full disk does to a process, without needing one
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
take_landed(SPEC, Settings(home=sys.argv[2], lake=sys.argv[2] + "/lake", landing=sys.argv[2] + "/landing"))
"""


@pytest.mark.parametrize("largest_file", [0, 600, 1200, 2000, 3000])
def test_a_full_disk_stops_ingestion_and_the_next_run_completes_it(
    zone: Zone, tmp_path: Path, largest_file: int
) -> None:
    zone.put("a.csv", HEADER + "".join(line(number, day=1 + number % 9) for number in range(500)) + line(3))
    zone.put("b.csv", HEADER + line(900) + "901,")
    script = tmp_path / "full.py"
    script.write_text(textwrap.dedent(FULL).replace("tests_ingest", Path(__file__).stem))
    path = os.pathsep.join([str(PROJECT_ROOT / "include"), str(Path(__file__).parent)])
    process = subprocess.run(
        [sys.executable, str(script), str(largest_file), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1, (process.returncode, process.stderr)
    assert "File too large" in process.stderr

    zone.ingest()
    assert zone.ids() == [*range(500)]
    assert [entry[:2] for entry in zone.quarantine()] == [("things/a.csv", 502), ("things/b.csv", 3)]
    before = zone.versions()
    assert zone.ingest().files == ()
    assert zone.versions() == before


def test_two_runs_at_once_take_every_row_once(zone: Zone) -> None:
    for number in range(20):
        zone.put(f"{number}.csv", HEADER + line(number) + line(1000))
    errors: list[BaseException] = []

    def run() -> None:
        try:
            zone.ingest(batch_bytes=5 * len(HEADER + line(0) + line(1000)))
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


def test_the_landing_zone_lists_oldest_first(zone: Zone) -> None:
    zone.put("b.csv", HEADER, OLD)
    zone.put("a.csv", HEADER, OLD + timedelta(hours=1))
    finished, _ = Landing(zone.settings.landing, {}).files("things/*.csv")
    assert [file.path for file in finished] == ["things/b.csv", "things/a.csv"]
    assert Landing(zone.settings.landing + "/nowhere", {}).files("*.csv") == ([], [])


def test_the_command_shows_what_was_refused_and_names_the_sources_there_are(
    zone: Zone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from airworthy.cli import main

    zone.put("a.csv", HEADER + line(1) + line(2, day=32))
    zone.ingest()
    folder = tmp_path / "pipelines" / "demo"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(SPEC.model_dump(mode="json", exclude_none=True)))
    for name, value in {"HOME": tmp_path, "LAKE": zone.settings.lake, "PIPELINES": folder.parent}.items():
        monkeypatch.setenv(f"AIRWORTHY_{name}", str(value))

    shown = CliRunner().invoke(main.app, ["quarantine", "demo"])

    assert shown.exit_code == 0, shown.output
    assert "things: 1 entries" in shown.output
    assert "things/a.csv:3: day '32' is above the maximum 31" in shown.output
    wrong = CliRunner().invoke(main.app, ["quarantine", "demo", "thinks"])
    assert "no source thinks" in str(wrong.exception)
