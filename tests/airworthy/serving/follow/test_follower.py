"""Which models serve: the registry's aliases, soon; the last known ones while it is away."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from made_versions import always
from serving_parts import FAST, NAME, SPEC, FakeRegistry, build, predict, running, serves, until

from airworthy.registry.registry import Registry
from airworthy.serving.follow.cache import ModelCache
from airworthy.serving.follow.follower import Follower
from airworthy.serving.metrics import ServiceMetrics


def registry_at(tmp_path: Path) -> FakeRegistry:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1, rate=0.125)
    registry.add(2, rate=0.5)
    registry.point(champion=1)
    return registry


def test_a_promotion_changes_who_answers_without_a_failed_request(tmp_path: Path) -> None:
    registry = registry_at(tmp_path)
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, champion=1)
        seen: list[tuple[int, float]] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                seen.extend((each["version"], each["probability"]) for each in predict(client, ["a", "b"]))

        thread = threading.Thread(target=ask)
        thread.start()
        registry.canary(50)
        serves(client, challenger=2)
        registry.point(champion=2)
        serves(client, champion=2, challenger=None)
        stop.set()
        thread.join()
    assert set(seen) <= {(1, 0.125), (2, 0.5)}
    assert seen[0] == (1, 0.125)


def test_the_registry_away_changes_nothing_and_shows(tmp_path: Path) -> None:
    registry = registry_at(tmp_path)
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, champion=1)
        registry.set_away(True)
        until(lambda: client.get("/ready").json()["models"][NAME]["registry_age_seconds"] > 0.5, "staleness shows")
        assert client.get("/ready").status_code == 200
        assert predict(client, ["a"])[0]["version"] == 1
        line = next(
            line
            for line in client.get("/metrics").text.splitlines()
            if line.startswith("airworthy_registry_staleness_seconds{")
        )
        assert float(line.split()[-1]) > 0.4
        registry.set_away(False)
        registry.point(champion=2)
        serves(client, champion=2)


def test_it_starts_without_the_registry_with_the_last_known_models(tmp_path: Path) -> None:
    registry = registry_at(tmp_path)
    registry.canary(50)
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, champion=1, challenger=2)
        before = predict(client, [str(i) for i in range(50)])
    registry.set_away(True)
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, champion=1, challenger=2, canary_percent=50, release_id="r-v2")
        assert predict(client, [str(i) for i in range(50)]) == before


def test_without_the_registry_and_without_a_past_it_is_not_ready(tmp_path: Path) -> None:
    registry = registry_at(tmp_path)
    registry.set_away(True)
    with running(build(tmp_path, registry)[0]) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503
        registry.set_away(False)
        until(lambda: client.get("/ready").status_code == 200, "ready")


def test_a_champion_that_does_not_load_leaves_the_old_one_serving(tmp_path: Path) -> None:
    registry = registry_at(tmp_path)
    registry.add(3, "garbage")
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, champion=1, problem=None)
        registry.point(champion=3)
        until(lambda: "version 3" in str(client.get(f"/v1/models/{NAME}").json()["problem"]), "the problem shows")
        assert predict(client, ["a"])[0]["version"] == 1
        registry.add(3, rate=0.5)
        serves(client, champion=3, problem=None)


def test_old_versions_leave_the_disk_but_a_rollback_finds_the_last_ones(tmp_path: Path) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    for version in range(1, 9):
        registry.add(version)
    cache = ModelCache(tmp_path / "cache", NAME, registry)
    follower = Follower(SPEC, registry, cache, ServiceMetrics(), replace(FAST, kept_models=3))
    for version in (*range(1, 9), 2):
        registry.point(champion=version)
        follower.poll()
    assert cache.versions() == {2, 6, 7, 8}


def test_a_model_is_loaded_once_however_often_the_registry_is_asked(tmp_path: Path) -> None:
    registry = registry_at(tmp_path)
    cache = ModelCache(tmp_path / "cache", NAME, registry)
    follower = Follower(SPEC, registry, cache, ServiceMetrics(), FAST)
    follower.poll()
    first = follower.active
    registry.canary(50)
    follower.poll()
    second = follower.active
    assert second.champion is first.champion
    follower.poll()
    assert follower.active is second


def test_it_follows_a_real_mlflow(tmp_path: Path, mlflow_url: str) -> None:
    registry = Registry(mlflow_url)
    version = always(registry, SPEC, 0.375, train_run="serving-test")
    registry.aliases.set(NAME, "champion", version)
    gently = replace(FAST, poll_seconds=0.5)
    with running(build(tmp_path, registry, gently)[0]) as client:
        serves(client, champion=version, challenger=None)
        assert predict(client, ["a"])[0]["probability"] == 0.375
        candidate = always(registry, SPEC, 0.625, train_run="serving-test-2")
        registry.aliases.set(NAME, "challenger", candidate)
        registry.aliases.set_canary(NAME, f"{NAME}-v{candidate}", 50)
        serves(client, champion=version, challenger=candidate, canary_percent=50)
        answers = predict(client, [str(i) for i in range(40)])
    assert {(each["version"], each["probability"]) for each in answers} == {(version, 0.375), (candidate, 0.625)}
    # and again without any MLflow
    with running(build(tmp_path, Registry("http://127.0.0.1:9"), gently)[0]) as client:
        until(lambda: client.get("/ready").status_code == 200, "ready", 30)
        assert predict(client, [str(i) for i in range(40)]) == answers
