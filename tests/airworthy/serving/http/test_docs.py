"""The page of documents: every route, a line that works in a shell, and nothing from any other place."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess

import httpx
from serving_parts import NAME, TOKEN

from airworthy.serving.http.docs import docs_page


def test_every_route_is_on_the_page(served: httpx.Client) -> None:
    page = html.unescape(served.get("/docs").text)
    for path, methods in served.get("/openapi.json").json()["paths"].items():
        for method in methods:
            assert f'<span class="method">{method.upper()}</span><code>{path}</code>' in page


def test_the_page_loads_nothing_and_runs_nothing(served: httpx.Client) -> None:
    answer = served.get("/docs")
    page = answer.text
    assert not re.search(r"<script|<link[^>]*https?:|<img|src=|@import|url\(", page)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_every_line_works_as_it_stands(served: httpx.Client) -> None:
    page = served.get("/docs").text
    assert TOKEN not in page
    environment = {**os.environ, "AIRWORTHY_SERVING_TOKEN": TOKEN}
    said = {}
    for line in re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL):
        command = html.unescape(line).replace("curl -sS", "curl -sS --fail-with-body")
        done = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, check=True, text=True)
        said[re.search(r"http://[^/]+([^ ']*)", command).group(1)] = done.stdout
    assert len(said) == 6
    assert json.loads(said[f"/v1/models/{NAME}"])["champion"] == 1
    [prediction] = json.loads(said[f"/v1/models/{NAME}:predict"])["predictions"]
    assert prediction["probability"] in (0.25, 0.75)


def test_fields_of_nested_lists_are_named_with_their_meaning(served: httpx.Client) -> None:
    page = served.get("/docs").text
    assert "<code>instances[].key</code>" in page
    assert "<code>predictions[].probability</code>" in page
    assert "decides by hash who meets a candidate" in page


def test_whatever_a_description_or_a_host_says_it_is_text() -> None:
    evil = "<script>alert('x')</script>"
    document = {
        "info": {"title": evil, "summary": evil},
        "paths": {
            f"/{evil}": {
                "post": {
                    "description": evil,
                    "parameters": [{"name": evil, "in": "path", "schema": {"enum": [evil]}}],
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {"properties": {evil: {"type": evil, "description": evil}}},
                                "examples": {evil: {"summary": evil, "value": {"a": evil}}},
                            }
                        }
                    },
                    "responses": {evil: {"description": evil}},
                }
            }
        },
    }
    assert "<script" not in docs_page(document, f"http://{evil}")
