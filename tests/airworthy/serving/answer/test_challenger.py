"""A challenger that misbehaves costs its release the canary, never a caller an answer."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from serving_parts import (
    FAST,
    NAME,
    PREDICT,
    SPEC,
    TOKEN,
    FakeRegistry,
    build,
    instance,
    measure,
    predict,
    running,
    serves,
    until,
)

from airworthy.release.decisions.canary import breach

KEYS = [f"key-{i}" for i in range(20)]


def measured(client: httpx.Client, release_id: str = "r-v2") -> tuple[int, int]:
    challenger = measure(str(client.base_url), TOKEN, NAME, release_id)["challenger"]
    return challenger.requests, challenger.errors


@pytest.mark.parametrize("kind", ["nan", "raise", "hang", "above_one", "signature", "garbage"])
def test_the_champion_answers_for_a_challenger_that_fails(tmp_path: Path, kind: str) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1, rate=0.25)
    registry.add(2, kind)
    registry.canary(100)
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, champion=1, challenger=2, canary_percent=100)
        began = time.monotonic()
        answers = predict(client, KEYS)
        took = time.monotonic() - began
        requests, errors = measured(client)
        # enough of it for the watch to stop the canary
        assert breach(measure(str(client.base_url), TOKEN, NAME, "r-v2")["challenger"], SPEC.release)
    expected = {"probability": 0.25, "version": 1, "variant": "challenger", "fallback": True}
    assert answers == [{"key": key} | expected for key in KEYS]
    assert (requests, errors) == (20, 20)
    limit = SPEC.release.max_p95_ms / 1000 * FAST.patience
    assert took < limit + 1


def test_champions_callers_do_not_wait_for_a_challenger_that_hangs(tmp_path: Path) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1)
    registry.add(2, "hang")
    registry.canary(50)
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, champion=1, challenger=2)
        variant_of = {each["key"]: each["variant"] for each in predict(client, KEYS)}
        lucky = next(key for key, variant in variant_of.items() if variant == "champion")
        unlucky = next(key for key, variant in variant_of.items() if variant == "challenger")
        slow = threading.Thread(target=predict, args=(client, [unlucky] * 5))
        slow.start()
        took = []
        while slow.is_alive():
            began = time.monotonic()
            predict(client, [lucky])
            took.append(time.monotonic() - began)
        slow.join()
    assert len(took) > 5
    assert sorted(took)[len(took) // 2] < 0.05


def test_a_hanging_call_is_ended_so_that_the_challenger_can_answer_others(tmp_path: Path) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1, rate=0.25)
    registry.add(2, "hang", rate=0.75)  # only where the distance is known
    registry.canary(100)
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, challenger=2)
        assert predict(client, ["a"])[0]["fallback"]
        until(lambda: not predict(client, ["b"], distance=None)[0]["fallback"], "version 2 answers", 5)


def test_only_rows_without_an_answer_fall_back(tmp_path: Path) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1, rate=0.25)
    registry.add(2, "nan", rate=0.75)  # NaN where the distance is known
    registry.canary(100)
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, challenger=2)
        body = {"instances": [instance("far"), instance("unknown", distance=None)]}
        far, unknown = client.post(PREDICT, json=body).json()["predictions"]
        assert measured(client) == (2, 1)
    assert (far["fallback"], far["version"], far["probability"]) == (True, 1, 0.25)
    assert (unknown["fallback"], unknown["version"], unknown["probability"]) == (False, 2, 0.75)


@pytest.mark.parametrize("kind", ["nan", "raise", "hang"])
def test_a_champion_that_fails_is_an_error_with_a_reason(tmp_path: Path, kind: str) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1, kind)
    registry.point(champion=1)
    with running(build(tmp_path, registry, replace(FAST, answer_seconds=0.5))[0]) as client:
        serves(client, champion=1)
        answer = client.post(PREDICT, json={"instances": [instance("a")]})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == ((503, "timeout") if kind == "hang" else (500, "no_answer"))
        reason = f'airworthy_request_failures_total{{model="{NAME}",reason="{error["code"]}"}} 1.0'
        assert reason in client.get("/metrics").text


def test_a_challenger_repaired_under_the_same_release_answers_again(tmp_path: Path) -> None:
    """The download was damaged: the next attempt fetches it anew."""
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1)
    registry.add(2, "garbage")
    registry.canary(100)
    with running(build(tmp_path, registry)[0]) as client:
        serves(client, challenger=2)
        assert predict(client, ["a"])[0]["fallback"]
        registry.add(2, rate=0.75)
        until(lambda: not predict(client, ["a"])[0]["fallback"], "version 2 answers")
        text = client.get("/metrics").text
    assert f'airworthy_model_load_failures_total{{model="{NAME}",variant="challenger",version="2"}}' in text
