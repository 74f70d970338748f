"""What callers see: answers, refusals that say why, the token, and nobody's request in the way of another's."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from serving_parts import FAST, NAME, PREDICT, FakeRegistry, build, instance, measure, predict, running, serves

from airworthy.serving.http.app import NoToken, create_app
from airworthy.serving.metrics import Metrics
from airworthy.serving.service import Service

RELEASE = f"{NAME}-v2"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Champion v1 answers 0.25, challenger v2 0.75 with a share of 5 %."""
    home = tmp_path_factory.mktemp("served")
    registry = FakeRegistry(home / "registry")
    registry.add(1)
    registry.add(2, rate=0.75)
    registry.canary(5, release_id=RELEASE)
    with running(build(home, registry)[0]) as client:
        serves(client, champion=1, challenger=2, canary_percent=5, release_id=RELEASE)
        yield client


def error_of(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


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


@pytest.mark.parametrize("path", ["/metrics", "/v1/models", "/docs", "/openapi.json", PREDICT, "/nowhere"])
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "test-token", "Basic test-token", "Bearer ü"])
def test_without_the_token_nothing_but_health_is_answered(served: httpx.Client, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode()}
    answer = httpx.get(served.base_url.join(path), headers=headers)
    assert error_of(answer, 401)["code"] == "no_token"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_health_needs_no_token(served: httpx.Client, path: str) -> None:
    assert httpx.get(served.base_url.join(path)).status_code == 200


def test_it_does_not_start_without_a_token() -> None:
    with pytest.raises(NoToken, match="AIRWORTHY_SERVING_TOKEN"):
        create_app(Service([], Metrics()), token="")


BODY = {"instances": [instance("good"), instance("bad")]}


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b'{"instances": [{"key": "a", "distance": NaN}]}', 400, "not JSON"),
        (b"[" * 5000, 400, "not JSON"),
        (b"[]", 422, "instances"),
        (b"{}", 422, "instances"),
        (b'{"instances": []}', 422, "at least one"),
        (b'{"instances": {}}', 422, "list"),
        (b'{"instances": [1]}', 422, "instances[0]"),
        (b'{"instances": [{}], "parameters": 1}', 422, "parameters"),
    ],
)
def test_a_body_of_another_shape_is_refused(served: httpx.Client, body: bytes, status: int, says: str) -> None:
    assert says in str(error_of(served.post(PREDICT, content=body), status)["message"])


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


def test_too_much_is_refused(served: httpx.Client) -> None:
    many = {"instances": [instance(str(i)) for i in range(1001)]}
    assert error_of(served.post(PREDICT, json=many), 413)["code"] == "too_many_instances"
    large = b'{"instances": [' + b" " * FAST.max_body_bytes + b"]}"
    assert error_of(served.post(PREDICT, content=large), 413)["code"] == "too_large"
    chunks = (large[at : at + 65536] for at in range(0, len(large), 65536))  # no content-length
    assert error_of(served.post(PREDICT, content=chunks), 413)["code"] == "too_large"
    assert predict(served, ["still well"])


def test_other_models_methods_and_paths_are_not_found(served: httpx.Client) -> None:
    assert error_of(served.post("/v1/models/other:predict", json=BODY), 404)["code"] == "no_such_model"
    assert error_of(served.get(PREDICT), 405)["code"] == "not_allowed"
    assert error_of(served.get("/v1/models/other"), 404)["code"] == "not_found"
    assert error_of(served.get("/"), 404)["code"] == "not_found"


def test_a_broken_online_store_is_a_503_and_nobody_elses_problem(served: httpx.Client) -> None:
    broken = {"instances": [instance("a", tailnum="BROKEN")]}
    before = measure(str(served.base_url), "test-token", NAME, RELEASE)
    answer = served.post(PREDICT, json=broken)
    assert error_of(answer, 503)["code"] == "features_away"
    assert answer.headers["retry-after"] == "1"
    assert predict(served, ["b"])
    after = measure(str(served.base_url), "test-token", NAME, RELEASE)
    assert after["challenger"].errors == before["challenger"].errors  # not the candidate's fault


def test_the_contract_is_in_openapi(served: httpx.Client) -> None:
    document = served.get("/openapi.json").json()
    operation = document["paths"]["/v1/models/{name}:predict"]["post"]
    assert set(operation["responses"]) >= {"200", "400", "401", "404", "413", "422", "503"}
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}:
        assert reference in document["components"]["schemas"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert served.post(PREDICT, json=example).status_code == 200
    assert served.get("/docs").status_code == 200


def test_without_a_champion_it_is_ready_but_says_503(tmp_path: Path) -> None:
    with running(build(tmp_path, FakeRegistry(tmp_path / "registry"))[0]) as client:
        serves(client, champion=None)
        assert client.get("/ready").status_code == 200
        assert error_of(client.post(PREDICT, json=BODY), 503)["code"] == "no_champion"
