"""Processes are recognised and found by their marks, whatever had their id before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from airworthy_cluster.processes import Identity, descendants, end, kill_all_marked, marked

MARK = "AIRWORTHY_TEST_MARK"
SLEEP = "import time; time.sleep(600)"
#: A parent that says which child it has, which has left its session.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def marks(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Marks of this test's own; whatever bears them is gone afterwards."""
    found = {MARK: str(tmp_path), "AIRWORTHY_TEST_PART": "one"}
    yield found
    kill_all_marked({MARK: found[MARK]})


def start(code: str, marks: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, env={**os.environ, **marks}, stdout=subprocess.PIPE, text=True)


def test_a_process_that_has_an_ended_ones_id_is_found_and_ended(
    marks: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start(SLEEP, marks)
    list(psutil.process_iter())
    # what a long-lived program has in psutil's cache once an id has gone round: the object of the earlier process
    earlier = psutil.Process(child.pid)
    monkeypatch.setattr(earlier, "_ident", (child.pid, 1.0))
    assert not earlier.is_running()
    monkeypatch.setitem(psutil._pmap, child.pid, earlier)

    found = marked(marks)

    assert [process.pid for process in found] == [child.pid]
    assert found[0].is_running()
    assert end(found, grace_seconds=10) == []
    assert not psutil.pid_exists(child.pid)


def test_only_processes_that_bear_all_the_marks_are_found(marks: dict[str, str]) -> None:
    child = start(SLEEP, marks)
    assert [process.pid for process in marked(marks)] == [child.pid]
    assert marked({**marks, "AIRWORTHY_TEST_PART": "another"}) == []


def test_a_child_in_a_session_of_its_own_is_a_descendant_and_is_killed_with_the_rest(marks: dict[str, str]) -> None:
    parent = start(PARENT, marks)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert {process.pid for process in descendants([psutil.Process(parent.pid)])} == {parent.pid, child}
    assert kill_all_marked(marks) == sorted([parent.pid, child])
    assert marked(marks) == []


def test_a_process_is_recognised_by_its_start_and_the_boot_not_by_its_id_alone(marks: dict[str, str]) -> None:
    child = start(SLEEP, marks)
    identity = Identity.of(child.pid)
    assert identity.alive()
    assert not replace(identity, started=identity.started - 1).alive()
    assert not replace(identity, boot="another").alive()
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not identity.alive(), "a zombie has ended"
