"""A wrong pipeline.yaml gives an error that names file, key, value and what is allowed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from airworthy.spec.pipeline import PipelineSpec, SpecError, json_schema

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "include" / "pipelines" / "flight_delays" / "pipeline.yaml"


Write = Callable[..., Path]


def test_the_example_is_valid_and_its_schema_agrees(document: dict[str, Any]) -> None:
    spec = PipelineSpec.load(EXAMPLE)
    jsonschema.validate(document, yaml.safe_load(json_schema()))
    assert spec.release.canary_percent == 5
    assert spec.release.max_p95_ms == 100
    assert spec.release.max_error_rate == 0.001


def test_every_key_says_what_it_is() -> None:
    schema = json.loads(json_schema())
    silent = [
        f"{section['title']}.{key}"
        for section in (schema, *schema["$defs"].values())
        for key, says in section["properties"].items()
        if not says.get("description")
    ]
    assert silent == []
    assert all(section.get("description") for section in schema["$defs"].values())


def test_the_committed_schema_for_editors_is_current() -> None:
    assert (ROOT / "include" / "pipelines" / "pipeline.schema.json").read_text() == json_schema()


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("release.canary_percent", 80, ["release.canary_percent", "80", "less than or equal to 50"]),
        ("release.approvers", [], ["release.approvers", "at least 1"]),
        ("release.approvals_required", 3, ["release.approvals_required", "3", "1 or 2"]),
        ("training.zero_stage", 9, ["training.zero_stage", "9", "0, 1 or 2"]),
        ("training.epochs", "many", ["training.epochs", "many", "integer"]),
        ("training.profile", "moon", ["training", "moon", "laptop"]),
        ("sources.flights.columns.year.type", "number", ["sources.flights.columns.year.type", "number", "timestamp"]),
        ("sources.flights.key", ["nope"], ["sources.flights", "nope"]),
        ("schedules.data", "sometimes", ["schedules", "sometimes", "five fields"]),
        (
            "sources.flights.columns.month",
            {"type": "int", "min": 12, "max": 1},
            ["sources.flights.columns.month", "min 12.0 is greater than max 1.0"],
        ),
        ("training.gpus", 4, ["training.gpus", "4", "not permitted"]),
        ("name", "Flight Delays", ["name", "Flight Delays"]),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_file(
    write: Write, document: dict[str, Any], key: str, value: Any, named: list[str]
) -> None:
    broken = copy.deepcopy(document)
    *parents, leaf = key.split(".")
    node = broken
    for parent in parents:
        node = node[parent]
    node[leaf] = value
    path = write(broken)

    with pytest.raises(SpecError) as raised:
        PipelineSpec.load(path)

    for part in [str(path), *named]:
        assert part in str(raised.value)
    assert "next:" in str(raised.value)


def test_a_missing_key_is_named(write: Write, document: dict[str, Any]) -> None:
    del document["release"]
    with pytest.raises(SpecError, match=r"release: Field required"):
        PipelineSpec.load(write(document))


@pytest.mark.parametrize(("text", "said"), [("a: [", "not YAML"), ("- 1\n", "expected a mapping"), ("", "NoneType")])
def test_a_file_that_is_no_mapping_is_refused(write: Write, text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        PipelineSpec.load(write(text))


def test_the_name_must_be_the_folders(write: Write, document: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="is not the folder's name"):
        PipelineSpec.load(write(document, folder="other"))
