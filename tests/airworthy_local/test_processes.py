"""A stack's processes are found by their marks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from airworthy.settings import PROJECT_ROOT
from airworthy_local.processes import PROCESS_MARK, STACK_MARK, marked

LOOK = """
import sys
from pathlib import Path
from airworthy_local.processes import marked
print([process.pid for process in marked(Path(sys.argv[1]))])
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    marks = {STACK_MARK: str(tmp_path), PROCESS_MARK: "worker"}
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, **marks})
    yield child
    child.kill()
    child.wait()


def test_a_process_is_found_by_its_home_and_by_its_name(tmp_path: Path, worker: subprocess.Popen[bytes]) -> None:
    assert [process.pid for process in marked(tmp_path)] == [worker.pid]
    assert [process.pid for process in marked(tmp_path, "worker")] == [worker.pid]
    assert marked(tmp_path, "scheduler") == []
    assert marked(tmp_path / "another") == []


def test_whoever_looks_from_within_the_stack_finds_the_others_and_not_itself(
    tmp_path: Path, worker: subprocess.Popen[bytes]
) -> None:
    environment = {**os.environ, STACK_MARK: str(tmp_path), "PYTHONPATH": str(PROJECT_ROOT / "include")}
    # the shell is an ancestor of the one that looks, and bears the mark too
    command = ["sh", "-c", '"$0" -c "$1" "$2"; true', sys.executable, LOOK, str(tmp_path)]
    looked = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert looked.stdout == f"[{worker.pid}]\n"
