"""The supervisor keeps processes running, and leaves none behind, whatever dies first."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from airworthy.settings import PROJECT_ROOT
from airworthy_local.processes import marked
from airworthy_local.supervisor import Supervisor
from airworthy_local.supervisord_config import Program

PATIENCE_SECONDS = 40  # on a busy machine; a good run takes a second or two

# Starts a helper that ignores SIGTERM, in a session of its own, and says where it is.
PARENT_OF_A_STUBBORN_HELPER = """
import subprocess, sys, time
helper = subprocess.Popen(
    [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"],
    start_new_session=True,
)
print("helper", helper.pid, flush=True)
time.sleep(600)
"""
WITH_A_TITLE = (
    "import setproctitle, time; setproctitle.setproctitle('t' * 4000); print('titled', flush=True); time.sleep(600)"
)


def until(found: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {PATIENCE_SECONDS} s: {what}")


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT / "include"), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def parent(tmp_path: Path) -> list[str]:
    script = tmp_path / "parent.py"
    script.write_text(PARENT_OF_A_STUBBORN_HELPER)
    return [sys.executable, str(script)]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervisor]]:
    started: list[Supervisor] = []

    def begin(home: Path | None = None, **commands: list[str]) -> Supervisor:
        programs = [Program(name, command) for name, command in commands.items()]
        supervisor = Supervisor(home or tmp_path, programs, environment, tmp_path)
        started.append(supervisor)
        supervisor.start()
        for name in commands:
            supervisor.start_program(name)
        return supervisor

    yield begin
    for supervisor in started:
        supervisor.stop()


def pid_of(supervisor: Supervisor, name: str) -> int:
    # the wrapper has become the command when the command line no longer names it
    def found() -> int | None:
        pid = supervisor.states()[name].pid
        return pid if pid and "airworthy_local.child" not in psutil.Process(pid).cmdline() else None

    return until(found, f"{name} runs")


def helper_of(supervisor: Supervisor, name: str) -> int:
    log = supervisor.log_file(name)
    until(lambda: log.exists() and "helper" in log.read_text(), "the helper runs")
    return int(log.read_text().split("helper ")[-1].split()[0])


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_process_that_is_killed_runs_again(supervise):
    supervisor = supervise(worker=["sleep", "600"])
    first = pid_of(supervisor, "worker")
    os.kill(first, signal.SIGKILL)
    assert until(lambda: (pid := supervisor.states()["worker"].pid) != first and pid, "it runs again")


def test_what_a_killed_process_has_left_ends_before_it_runs_again(supervise, parent):
    supervisor = supervise(worker=parent)
    first = helper_of(supervisor, "worker")
    os.kill(pid_of(supervisor, "worker"), signal.SIGKILL)
    until(lambda: helper_of(supervisor, "worker") != first, "a new helper")
    assert gone(first)


def test_a_process_that_ends_at_once_is_called_failing_and_tried_again(supervise):
    supervisor = supervise(broken=["sh", "-c", "echo cannot start; exit 3"])
    until(lambda: supervisor.log_file("broken").read_text().count("cannot start") >= 2, "a second try")
    assert until(lambda: supervisor.states()["broken"].state == "failing", "it is called failing")
    assert supervisor.states()["broken"].pid is None


def test_stopping_ends_also_helpers_that_ignore_sigterm(supervise, parent):
    supervisor = supervise(worker=parent)
    pids = [pid_of(supervisor, "worker"), helper_of(supervisor, "worker")]
    assert supervisor.stop() >= 3
    assert all(gone(pid) for pid in pids)
    assert not supervisor.alive()
    assert {state.state for state in supervisor.states().values()} == {"stopped"}


def test_stopping_works_when_the_supervisor_was_killed(supervise, parent, tmp_path):
    supervisor = supervise(worker=parent, other=["sleep", "600"])
    pids = [pid_of(supervisor, "worker"), pid_of(supervisor, "other"), helper_of(supervisor, "worker")]
    os.kill(int((tmp_path / "supervisor.pid").read_text()), signal.SIGKILL)
    until(lambda: not supervisor.alive(), "it is dead")
    assert not any(gone(pid) for pid in pids)
    supervisor.stop()
    assert all(gone(pid) for pid in pids)


def test_starting_ends_first_what_a_killed_supervisor_has_left(supervise, tmp_path):
    first = supervise(worker=["sleep", "600"])
    orphan = pid_of(first, "worker")
    os.kill(int((tmp_path / "supervisor.pid").read_text()), signal.SIGKILL)
    until(lambda: not first.alive(), "it is dead")
    second = supervise(worker=["sleep", "600"])
    assert gone(orphan)
    assert pid_of(second, "worker") != orphan


def test_a_process_that_changes_its_title_is_found_by_its_mark(supervise, tmp_path):
    supervisor = supervise(titled=[sys.executable, "-c", WITH_A_TITLE])
    pid = pid_of(supervisor, "titled")
    until(lambda: "titled" in supervisor.log_file("titled").read_text(), "it has changed its title")
    assert pid in [process.pid for process in marked(tmp_path, "titled")]


def test_another_home_is_left_alone(supervise, tmp_path):
    one = supervise(home=tmp_path / "one", worker=["sleep", "600"])
    two = supervise(home=tmp_path / "two", worker=["sleep", "600"])
    kept = pid_of(two, "worker")
    one.stop()
    assert not gone(kept)
    assert two.states()["worker"].pid == kept


def test_a_home_with_a_path_too_long_for_a_socket_works(supervise, tmp_path):
    supervisor = supervise(home=tmp_path / ("long" * 30), worker=["sleep", "600"])
    assert pid_of(supervisor, "worker")


def test_a_percent_sign_in_a_command_arrives_as_it_is(supervise):
    supervisor = supervise(printer=["sh", "-c", 'printf "%s\\n" "100%"; sleep 600'])
    assert until(lambda: supervisor.log_file("printer").read_text() == "100%\n", "its output")
