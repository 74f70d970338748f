"""What the stack decides before it starts anything."""

from __future__ import annotations

import fcntl
import socket
import stat

import pytest

from airworthy_local.ports import Ports, PortTaken
from airworthy_local.stack import Stack, StackBusy, StackFailed


def test_a_taken_port_stops_the_start_and_leaves_nothing_running(tmp_path, java):
    java("17.0.1")
    free = Ports.free()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        stack = Stack(tmp_path / "home", Ports(free.airflow, taken.getsockname()[1], free.serving, free.cluster))
        with pytest.raises(PortTaken, match="mlflow"):
            stack.up()
    assert not stack.running()
    assert stack.down() == 0
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_two_starts_at_once_are_refused(tmp_path, java):
    java("17.0.1")
    home = tmp_path / "home"
    home.mkdir()
    with (home / "stack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StackBusy):
            Stack(home, Ports.free()).up()


def test_an_unknown_process_is_named_with_those_there_are(tmp_path):
    with pytest.raises(StackFailed, match=r"no process 'webserver'[\s\S]*api-server"):
        Stack(tmp_path).log_file("webserver")
