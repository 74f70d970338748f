"""`airworthy schema`."""

from __future__ import annotations

from airworthy.settings import PROJECT_ROOT
from airworthy.spec.pipeline import json_schema


def test_the_committed_schema_of_pipeline_yaml_is_current():
    committed = PROJECT_ROOT / "include" / "pipelines" / "pipeline.schema.json"
    assert committed.read_text() == json_schema(), "run `airworthy schema`"
