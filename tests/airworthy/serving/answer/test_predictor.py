"""What callers get: sticky answers, counted; refusals that name the field; nobody's request in another's way."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from serving_parts import (
    NAME,
    PREDICT,
    RELEASE,
    FakeRegistry,
    build,
    error_of,
    instance,
    measure,
    predict,
    running,
    serves,
)


def test_5_percent_meet_the_challenger_each_key_always_the_same(served: httpx.Client) -> None:
    keys = [f"2013-09-01-UA-{i}-EWR" for i in range(3000)]
    first = {each["key"]: each for at in range(0, 3000, 100) for each in predict(served, keys[at : at + 100])}
    share = sum(each["variant"] == "challenger" for each in first.values()) / len(keys)
    assert abs(share - 0.05) < 4 * math.sqrt(0.05 * 0.95 / len(keys))
    again = predict(served, keys[::-3][:900])
    assert all(first[each["key"]] == each for each in again)
    assert {(each["variant"], each["version"], each["probability"]) for each in first.values()} == {
        ("champion", 1, 0.25),
        ("challenger", 2, 0.75),
    }


def test_what_callers_got_is_what_the_metrics_say(served: httpx.Client) -> None:
    def counts() -> dict[str, int]:
        return {v: m.requests for v, m in measure(str(served.base_url), "test-token", NAME, RELEASE).items()}

    before = counts()
    answers = [each for i in range(40) for each in predict(served, [f"counted-{i}-{j}" for j in range(5)])]
    after = counts()
    for variant in ("champion", "challenger"):
        assert after[variant] - before[variant] == sum(each["variant"] == variant for each in answers)


def test_every_caller_gets_their_own_answers_under_load(served: httpx.Client) -> None:
    def ask(number: int) -> bool:
        keys = [f"{number}-{i}" for i in range(number % 7 + 1)]
        return [each["key"] for each in predict(served, keys)] == keys

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(300)))


def test_duplicates_in_one_request_are_answered_each(served: httpx.Client) -> None:
    one, two = predict(served, ["same", "same"])
    assert one == two


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": 7}, "key"),
        ({"key": "x" * 257}, "key"),
        ({"sched_dep": "tomorrow"}, "sched_dep"),
        ({"sched_dep": "2013-09-01T05:15:00"}, "sched_dep"),
        ({"sched_dep": None}, "sched_dep"),
        ({"carrier": 5}, "carrier"),
        ({"distance": "far"}, "distance"),
        ({"distance": True}, "distance"),
        ({"distance": 1e300}, "distance"),
        ({"tailnum": []}, "tailnum"),
    ],
)
def test_a_bad_instance_is_named_with_its_field(served: httpx.Client, change: dict[str, object], field: str) -> None:
    body = {"instances": [instance("good"), instance("bad") | change]}
    error = error_of(served.post(PREDICT, json=body), 422)
    assert (error["instance"], error["field"]) == (1, field)
    assert f"instances[1].{field}" in str(error["message"])


def test_missing_optional_fields_are_answered(served: httpx.Client) -> None:
    sparse = {"key": "sparse", "sched_dep": "2013-09-01T05:15:00-04:00"}
    assert served.post(PREDICT, json={"instances": [sparse]}).json()["predictions"][0]["probability"] == 0.25


def test_a_broken_online_store_is_a_503_and_nobody_elses_problem(served: httpx.Client) -> None:
    broken = {"instances": [instance("a", tailnum="BROKEN")]}
    before = measure(str(served.base_url), "test-token", NAME, RELEASE)
    answer = served.post(PREDICT, json=broken)
    assert error_of(answer, 503)["code"] == "features_away"
    assert answer.headers["retry-after"] == "1"
    assert predict(served, ["b"])
    after = measure(str(served.base_url), "test-token", NAME, RELEASE)
    assert after["challenger"].errors == before["challenger"].errors  # not the candidate's fault


def test_without_a_champion_it_is_ready_but_says_503(tmp_path: Path) -> None:
    with running(build(tmp_path, FakeRegistry(tmp_path / "registry"))[0]) as client:
        serves(client, champion=None)
        assert client.get("/ready").status_code == 200
        assert error_of(client.post(PREDICT, json={"instances": [instance("a")]}), 503)["code"] == "no_champion"
