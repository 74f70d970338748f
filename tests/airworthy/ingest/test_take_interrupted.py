"""Ingestion that is killed or finds the disk full: the next run completes it, and nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import landing_zone
import pytest
from landing_zone import HEADER, OLD, Zone, line

from airworthy.settings import PROJECT_ROOT

#: Of the processes that are interrupted.
PATH = os.pathsep.join([str(PROJECT_ROOT / "include"), str(Path(landing_zone.__file__).parent)])

KILLED = """
import os, signal, sys
from airworthy.lake.lake import Lake
from airworthy.settings import Settings
from landing_zone import SPEC
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
    process = subprocess.run(
        [sys.executable, "-c", KILLED, where, str(commit), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": PATH},
        capture_output=True,
        text=True,
    )
    assert process.returncode == -signal.SIGKILL, process.stderr

    # meanwhile another file has landed: with a row that the killed run had taken, and older than it
    zone.put("0.csv", HEADER + line(1, value="9") + line(7), OLD - timedelta(days=1))
    zone.take()
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
    assert zone.take().files == ()
    assert zone.versions() == before


FULL = """
import resource, sys
from airworthy.settings import Settings
from landing_zone import SPEC
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
    process = subprocess.run(
        [sys.executable, "-c", FULL, str(largest_file), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": PATH},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1, (process.returncode, process.stderr)
    assert "File too large" in process.stderr

    zone.take()
    assert zone.ids() == [*range(500)]
    assert [entry[:2] for entry in zone.quarantine()] == [("things/a.csv", 502), ("things/b.csv", 3)]
    before = zone.versions()
    assert zone.take().files == ()
    assert zone.versions() == before
