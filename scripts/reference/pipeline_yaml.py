"""pipeline.yaml, as its pydantic models know it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

from airworthy.spec.base import Name
from airworthy.spec.pipeline import PipelineSpec
from airworthy.spec.training import Quantity
from scripts.reference.markdown import page, paragraphs, required, table


def pipeline_yaml() -> str:
    """Every key of pipeline.yaml, with what is allowed and the default."""
    schema = PipelineSpec.model_json_schema()
    parts = [
        "One file per model: `include/pipelines/<name>/pipeline.yaml`. It is checked when it is read: an unknown key "
        "or a value that is not allowed is named with its place. Editors complete it from "
        "[`pipeline.schema.json`](../../include/pipelines/pipeline.schema.json) (`airworthy schema` writes it); "
        "[the example](../../include/pipelines/flight_delays/pipeline.yaml) uses every section.",
        "A *name* begins with a small letter and has small letters, digits and `_`, at most 63. A *quantity* is a "
        "number with a unit as Kubernetes writes it: `500m`, `4Gi`.",
    ]
    for place, section in _sections(schema):
        parts += [f"## `{place}`" if place else "## Top level"]
        parts += [paragraphs(section["description"])] if place and section.get("description") else []
        rows = [
            (
                f"`{key}`",
                _kind(entry, schema),
                "required" if key in section.get("required", ()) else _shown(entry.get("default"), schema, entry),
                required(f"pipeline.yaml {place}.{key}", entry.get("description")),
            )
            for key, entry in section["properties"].items()
        ]
        parts.append(table(("key", "allowed", "default", "meaning"), rows))
    return page("pipeline.yaml", *parts)


def _sections(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and schema of every mapping, each followed by those within it."""
    queue, seen = [("", schema)], set()
    while queue:
        place, section = queue.pop(0)
        yield place, section
        inner = []
        for key, entry in section["properties"].items():
            values = _values(entry)
            target, suffix = (entry, "") if values is None else (values, ".<name>")
            reference = target.get("$ref")
            if reference and reference not in seen:
                seen.add(reference)
                inner.append((f"{place}.{key}{suffix}".lstrip("."), _resolved(target, schema)))
        queue = inner + queue


def _values(entry: dict[str, Any]) -> dict[str, Any] | None:
    """What a mapping of free names holds; None for anything else."""
    by_pattern = [each for each in entry.get("patternProperties", {}).values() if isinstance(each, dict)]
    return next((each for each in (entry.get("additionalProperties"), *by_pattern) if isinstance(each, dict)), None)


def _resolved(entry: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    return schema["$defs"][entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry


#: What a pattern of the schema is called here.
PATTERNS = {get_args(each)[1].pattern: name for each, name in ((Name, "name"), (Quantity, "quantity"))}

#: JSON schema's words for bounds, and ours.
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def _kind(entry: dict[str, Any], schema: dict[str, Any]) -> str:
    if "enum" in entry or "const" in entry:
        return ", ".join(f"`{json.dumps(value)}`" for value in entry.get("enum", [entry.get("const")]))
    if "anyOf" in entry:
        return " or ".join(_kind(each, schema) for each in entry["anyOf"])
    if "$ref" in entry:
        return "see below"
    kind, values = entry.get("type", "anything"), _values(entry)
    if "items" in entry:
        kind = f"list of {_kind(entry['items'], schema)}"
    elif values is not None:
        kind = f"name: {_kind(values, schema)}"
    elif pattern := entry.get("pattern"):
        kind = PATTERNS[pattern]
    bounds = [f"{word} {entry[key]:g}" for key, word in BOUNDS.items() if key in entry]
    least = entry.get("minItems") or entry.get("minProperties")
    return ", ".join([kind, *bounds, *([f"{least} or more of them"] if least else [])])


def _shown(value: Any, schema: dict[str, Any], entry: dict[str, Any]) -> str:
    return "as below" if "$ref" in entry or (isinstance(value, dict) and value) else f"`{json.dumps(value)}`"
