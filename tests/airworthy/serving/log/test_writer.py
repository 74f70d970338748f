"""Every sampled answer reaches the lake exactly once, through kills, full disks and an absent lake."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving_parts import (
    FAST,
    HEADERS,
    NAME,
    ROOT,
    SPEC,
    FakeRegistry,
    build,
    free_port,
    predict,
    running,
    serves,
    settings_at,
    until,
)

from airworthy.lake import tables
from airworthy.lake.lake import Lake
from airworthy.serving.log.spool import Spool, SpoolFull, read
from airworthy.traffic.prediction_log import schema
from airworthy.traffic.split import sampled

TABLE = tables.predictions(NAME)
RATE = SPEC.monitoring.prediction_log_rate


def registry_at(tmp_path: Path) -> FakeRegistry:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1, rate=0.25)
    registry.add(2, rate=0.75)
    registry.canary(30)
    return registry


def rows_in(home: Path) -> list[dict[str, Any]]:
    lake = Lake.of(settings_at(home))
    return lake.read(TABLE).to_pylist() if lake.exists(TABLE) else []


def wanted(keys: list[str]) -> list[str]:
    return sorted(key for key in keys if sampled(key, RATE))


def logged(home: Path) -> list[str]:
    return sorted(row["key"] for row in rows_in(home))


def test_a_row_says_what_was_answered_and_from_what(tmp_path: Path) -> None:
    keys = [f"key-{i}" for i in range(200)]
    with running(build(tmp_path, registry_at(tmp_path))[0]) as client:
        serves(client, champion=1, challenger=2)
        answers = {each["key"]: each for each in predict(client, keys)}
    rows = rows_in(tmp_path)
    assert sorted(row["key"] for row in rows) == wanted(keys)
    assert {row["variant"] for row in rows} == {"champion", "challenger"}
    for row in rows:
        assert {name: row[name] for name in answers[row["key"]]} == answers[row["key"]]
        assert row["release_id"] == "r-v2"
        assert row["data_version"] == f"{row['version']}0"
        assert (row["carrier"], row["sched_dep_minute"], row["distance"], row["temp"]) == ("UA", 315, 1400, 1)
        assert row["prediction_time"].isoformat() == "2013-09-01T07:15:00+00:00"  # two hours before departure
        assert row["date"] == f"{row['at']:%Y-%m-%d}"
    assert len({row["prediction_id"] for row in rows}) == len(rows)
    assert {*schema(SPEC, "probability").names} == {*rows[0]}


@contextmanager
def a_process(home: Path, port: int) -> Any:
    command = [sys.executable, str(ROOT / "tests" / "fakes" / "serving_parts.py")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (home / "log").open("ab") as log:
        process = subprocess.Popen(
            [*command, str(home), str(home / "registry"), str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=20) as client:
            until(lambda: _ready(client), f"ready: {(home / 'log').read_text()[-2000:]}", 60)
            yield process, client
    finally:
        process.kill()
        process.wait()


def spooled(home: Path) -> int:
    count = 0
    for file in home.glob("serving/*/spool/*/*.jsonl"):
        with suppress(FileNotFoundError):  # committed meanwhile
            count += len(read(file))
    return count


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.slow  # starts the service as a process, twice
def test_kill_9_loses_only_the_last_moment_and_logs_nothing_twice(tmp_path: Path) -> None:
    registry_at(tmp_path)
    port = free_port()
    keys = [f"before-{i}" for i in range(400)]
    with a_process(tmp_path, port) as (process, client):
        for at in range(0, 400, 20):
            predict(client, keys[at : at + 20])
        # long enough for the spool file, and at a random place of the way from there to the lake
        until(lambda: spooled(tmp_path) + len(rows_in(tmp_path)) >= len(wanted(keys)), "every row is on disk")
        last = predict(client, [f"last-{i}" for i in range(50)])
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    later = [f"after-{i}" for i in range(200)]
    with a_process(tmp_path, port) as (process, client):
        predict(client, later)
        until(lambda: set(wanted(later)) <= set(logged(tmp_path)), "the new process logs")
        until(lambda: set(wanted(keys)) <= set(logged(tmp_path)), "the old one's rows are taken over")
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)
    found = logged(tmp_path)
    assert len(found) == len(set(found))
    assert [key for key in found if not key.startswith("last")] == wanted([*later, *keys])
    assert {key for key in found if key.startswith("last")} <= {each["key"] for each in last}
    assert list(tmp_path.glob("serving/*/spool/*")) == []


def test_a_commit_that_was_killed_before_its_file_was_deleted_is_not_repeated(tmp_path: Path) -> None:
    registry = registry_at(tmp_path)
    keys = [f"key-{i}" for i in range(100)]
    never = replace(FAST, commit_seconds=1e9)
    spool = tmp_path / "serving" / NAME / "spool"
    with running(build(tmp_path, registry, never)[0]) as client:
        serves(client, champion=1)
        predict(client, keys)
        until(lambda: list(spool.glob("*/*.jsonl")), "spooled")
        until(lambda: len(read(next(spool.glob("*/*.jsonl")))) == len(wanted(keys)), "all of it")
        shutil.copytree(spool, tmp_path / "as before the commit")
    assert logged(tmp_path) == wanted(keys)  # a graceful end commits
    shutil.copytree(tmp_path / "as before the commit", spool, dirs_exist_ok=True)
    with running(build(tmp_path, registry)[0]):
        until(lambda: not list(spool.iterdir()), "the spool is taken over")
    assert logged(tmp_path) == wanted(keys)


def test_a_living_process_keeps_its_spool(tmp_path: Path) -> None:
    living, other = Spool(tmp_path, max_bytes=1 << 20), Spool(tmp_path, max_bytes=1 << 20)
    living.append([{"a": 1}])
    assert list(other.abandoned()) == []
    living.release()
    assert [spool.id for spool in other.abandoned()] == [living.id]


def test_a_full_disk_reaches_no_caller_and_loses_only_what_does_not_fit(tmp_path: Path) -> None:
    """The spool's next file is /dev/full: every write fails with ENOSPC."""
    registry = registry_at(tmp_path)
    app, service = build(tmp_path, registry, replace(FAST, max_log_rows=20))
    spool = service[NAME].log._spool
    spool.folder.mkdir(parents=True)
    full = spool.folder / "00000001.jsonl"
    full.symlink_to("/dev/full")
    keys = [f"key-{i}" for i in range(500)]
    with running(app) as client:
        serves(client, champion=1)
        for at in range(0, 500, 50):
            assert len(predict(client, keys[at : at + 50])) == 50
        dropped = f'airworthy_prediction_log_rows_total{{model="{NAME}",outcome="dropped"}}'
        until(lambda: f"{dropped} {len(wanted(keys)) - 20}.0" in client.get("/metrics").text, "dropped rows show")
        # room again: what waited in memory is not lost
        full.unlink()
        spool._file = None
        until(lambda: len(logged(tmp_path)) == 20, "the rest is written")
    assert logged(tmp_path) == sorted([key for key in keys if sampled(key, RATE)][:20])


def test_an_absent_lake_reaches_no_caller_and_gets_everything_later(tmp_path: Path) -> None:
    registry = registry_at(tmp_path)
    (tmp_path / "lake").write_text("a file where the lake's folder should be")
    keys = [f"key-{i}" for i in range(300)]
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, champion=1)
        for at in range(0, 300, 100):
            predict(client, keys[at : at + 100])
        until(lambda: list(tmp_path.glob("serving/*/spool/*/*.jsonl")), "spooled")
        (tmp_path / "lake").unlink()
        until(lambda: logged(tmp_path) == wanted(keys), "everything arrives")


def test_a_spool_that_is_full_refuses_rather_than_grow(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=100)
    spool.append([{"text": "x" * 80}])
    spool.close_file()
    with pytest.raises(SpoolFull):
        spool.append([{"text": "y" * 80}])
    assert [len(read(path)) for _, path in spool.closed_files()] == [1]


def test_half_a_line_of_a_killed_process_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "1.jsonl"
    file.write_bytes(b'{"a":1}\n{"a":2}\n{"a":')
    assert read(file) == [{"a": 1}, {"a": 2}]
