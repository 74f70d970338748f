"""What the stack decides before it starts anything: addresses, environment, preconditions, health."""

from __future__ import annotations

import fcntl
import socket
import stat
import time

import pytest

from airworthy_local import preconditions, programs
from airworthy_local.logs import show
from airworthy_local.ports import Ports, PortTaken
from airworthy_local.stack import Stack, StackBusy, StackFailed
from airworthy_local.supervisor import ProcessState


@pytest.fixture
def java(tmp_path, monkeypatch):
    folder = tmp_path / "jdk" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))

    def install(version: str) -> None:
        (folder / "java").write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2021' >&2\n")
        (folder / "java").chmod(0o755)

    return install


def test_a_missing_java_is_named_with_the_command_that_installs_it(tmp_path):
    with pytest.raises(preconditions.JavaMissing, match=r"JAVA_HOME=/nowhere[\s\S]*apt-get install.*jre"):
        preconditions.check_java({"JAVA_HOME": "/nowhere"})
    with pytest.raises(preconditions.JavaMissing, match="no Java on the PATH"):
        preconditions.check_java({"PATH": str(tmp_path)})


@pytest.mark.parametrize(
    ("version", "works"), [("1.8.0_362", False), ("11.0.2", False), ("17.0.1", True), ("21", True)]
)
def test_spark_needs_java_17(tmp_path, java, version, works):
    java(version)
    environment = {"JAVA_HOME": str(tmp_path / "jdk")}
    if works:
        preconditions.check_java(environment)
    else:
        with pytest.raises(preconditions.JavaMissing, match=version.replace(".", r"\.")):
            preconditions.check_java(environment)


def test_a_full_disk_is_reported_with_what_is_needed(tmp_path):
    with pytest.raises(preconditions.DiskFull, match="expected at least 1e\\+09 GB"):
        preconditions.check_disk(tmp_path, needed_gb=1e9)


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


def test_processes_get_the_stacks_addresses_and_not_the_shells(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("KUBECONFIG", "/elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere")
    monkeypatch.setenv("AIRWORTHY_SPARK_MASTER", "spark://chosen:7077")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy")
    stack = Stack(tmp_path, Ports(airflow=8081))
    environment = stack.environment()
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert environment["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8081/execution/"
    assert environment["AIRWORTHY_SPARK_MASTER"] == "spark://chosen:7077"
    assert "127.0.0.1" in environment["NO_PROXY"]
    assert not {"KUBECONFIG", "MLFLOW_TRACKING_URI"} & set(environment)
    assert stack.settings().lake == str(tmp_path / "lake")
    assert environment["AIRWORTHY_SERVING_TOKEN"] == stack.settings().serving_token != ""


@pytest.mark.parametrize(
    ("master", "address"), [("", "127.0.0.1"), ("local[2]", "127.0.0.1"), ("spark://far:7077", None)]
)
def test_a_spark_driver_listens_on_loopback_unless_its_executors_are_elsewhere(tmp_path, monkeypatch, master, address):
    monkeypatch.delenv("SPARK_LOCAL_IP", raising=False)
    if master:
        monkeypatch.setenv("AIRWORTHY_SPARK_MASTER", master)
    assert Stack(tmp_path).environment().get("SPARK_LOCAL_IP") == address


def test_a_shell_in_the_stacks_environment_is_not_taken_for_one_of_its_processes(tmp_path):
    assert not [name for name in Stack(tmp_path).own_environment() if name in ("AIRWORTHY_STACK", "AIRWORTHY_PROCESS")]


def test_every_server_is_told_to_listen_on_loopback(tmp_path):
    ports = Ports()
    for program in programs.programs(tmp_path, ports):
        command = " ".join(program.command)
        if program.name in ("mlflow", "api-server", "serving"):
            assert "--host 127.0.0.1" in command
        if program.name in ("triggerer", "scheduler"):
            assert "--skip-serve-logs" in command


def test_an_unknown_process_is_named_with_those_there_are(tmp_path):
    with pytest.raises(StackFailed, match=r"no process 'webserver'[\s\S]*api-server"):
        Stack(tmp_path).log_file("webserver")


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


def test_logs_show_the_last_lines_and_follow_over_a_rotation(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\nthree\n")
    shown: list[str] = []
    turns = iter(range(3))

    def turn() -> bool:
        match next(turns, None):
            case 0:
                with log.open("a") as file:
                    file.write("four\nnot yet com")
            case 1:
                log.rename(tmp_path / "a.log.1")
                log.write_text("five\n")
            case None:
                return True
        return False

    show({"a": log}, lines=2, follow=True, write=shown.append, pause_seconds=0, until=turn)
    assert shown == ["two", "three", "four", "five"]


def test_logs_of_several_processes_say_which(tmp_path):
    for name in ("a", "long"):
        (tmp_path / name).write_text("line\n")
    shown: list[str] = []
    files = {name: tmp_path / name for name in ("a", "long", "missing")}
    show(files, lines=5, follow=False, write=shown.append)
    assert shown == ["a       | line", "long    | line"]
