"""The prediction route's contract in OpenAPI is whole, and what it shows works."""

from __future__ import annotations

import json

import httpx
from serving_parts import NAME, PREDICT, predict


def test_the_contract_is_in_openapi(served: httpx.Client) -> None:
    document = served.get("/openapi.json").json()
    operation = document["paths"]["/v1/models/{name}:predict"]["post"]
    assert set(operation["responses"]) >= {"200", "400", "401", "404", "413", "422", "503"}
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}:
        assert reference in document["components"]["schemas"]
    example = operation["requestBody"]["content"]["application/json"]["examples"][NAME]["value"]
    assert served.post(PREDICT, json=example).status_code == 200


def test_an_answer_has_the_fields_that_are_described(served: httpx.Client) -> None:
    described = served.get("/openapi.json").json()["components"]["schemas"]["OnePrediction"]
    [answer] = predict(served, ["a"])
    assert list(described["properties"]) == list(answer)
    assert sorted(described["required"]) == sorted(answer)
    assert described["properties"]["probability"] == {
        "type": "number",
        "description": "what a model of kind binary answers",
        "minimum": 0,
        "maximum": 1,
    }
