"""Who may ask: the token opens everything, a browser's session the documents, and nothing opens nothing."""

from __future__ import annotations

import httpx
import pytest
from serving_parts import PREDICT, error_of, instance

from airworthy.serving.http.app import create_app
from airworthy.serving.http.credentials import NoToken
from airworthy.serving.metrics import ServiceMetrics
from airworthy.serving.service import Service


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
        create_app(Service([], ServiceMetrics()), token="")


def test_other_models_methods_and_paths_are_not_found(served: httpx.Client) -> None:
    assert (
        error_of(served.post("/v1/models/other:predict", json={"instances": [instance("a")]}), 404)["code"]
        == "no_such_model"
    )
    assert error_of(served.get(PREDICT), 405)["code"] == "not_allowed"
    assert error_of(served.get("/v1/models/other"), 404)["code"] == "not_found"
    assert error_of(served.get("/"), 404)["code"] == "not_found"
