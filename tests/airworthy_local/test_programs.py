"""What each process runs, and when it counts as healthy."""

from __future__ import annotations

import time

from airworthy_local import programs
from airworthy_local.ports import Ports
from airworthy_local.supervisor import ProcessState


def test_every_server_is_told_to_listen_on_loopback(tmp_path):
    ports = Ports()
    for program in programs.programs(tmp_path, ports):
        command = " ".join(program.command)
        if program.name in ("mlflow", "api-server", "serving"):
            assert "--host 127.0.0.1" in command
        if program.name in ("triggerer", "scheduler"):
            assert "--skip-serve-logs" in command


def states(**started: int) -> dict[str, ProcessState]:
    return {
        name: ProcessState(name, "running" if name in started else "stopped", 1 if name in started else None,
                           started.get(name, 0), "")
        for name in programs.NAMES
    }  # fmt: skip


def test_a_heartbeat_of_a_predecessor_does_not_count(monkeypatch):
    now = int(time.time())
    beat = {"status": "healthy", "latest_scheduler_heartbeat": f"{time.strftime('%FT%T', time.gmtime(now))}+00:00"}
    monkeypatch.setattr(programs, "_ask", lambda _client, _url: {"scheduler": beat})
    for started, expected in ((now - 5, "healthy"), (now + 5, "starting")):
        found = {each.name: each for each in programs.health(states(scheduler=started) | {
            "api-server": ProcessState("api-server", "running", 2, now, "")}, Ports())}  # fmt: skip
        assert found["scheduler"].health == expected
        assert found["mlflow"].health == "stopped"
