"""Processes are found by their mark, whatever psutil remembers of whoever had their id before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from airworthy_cluster.processes import end
from airworthy_local.processes import STACK_MARK, marked


def test_a_process_that_has_an_ended_ones_id_is_found_and_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, STACK_MARK: str(tmp_path)}
    )
    try:
        list(psutil.process_iter())
        # what a long-lived program has in psutil's cache once an id has gone round: the object of the earlier process
        earlier = psutil.Process(child.pid)
        monkeypatch.setattr(earlier, "_ident", (child.pid, 1.0))
        assert not earlier.is_running()
        monkeypatch.setitem(psutil._pmap, child.pid, earlier)

        found = marked(tmp_path)

        assert [process.pid for process in found] == [child.pid]
        assert found[0].is_running()
        assert end(found, grace_seconds=10) == []
        assert not psutil.pid_exists(child.pid)
    finally:
        child.kill()
        child.wait()
