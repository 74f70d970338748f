"""Fixtures of the work's tests: a small pipeline that can really be trained."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from small_training import Overrides, Small, feature_rows, small_document

from airworthy.lake.lake import Lake
from airworthy.registry.registry import Registry
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec


@pytest.fixture
def small(tmp_path: Path, mlflow_url: str) -> Callable[..., Small]:
    """Makes a `Small`; arguments override the training section, ``gates`` the gates section."""

    def make(rows: int = 4000, gates: Overrides | None = None, **training: Any) -> Small:
        name = f"s_{uuid.uuid4().hex[:8]}"
        document = small_document(name, training, gates or {})
        folder = tmp_path / "pipelines" / name
        folder.mkdir(parents=True)
        (folder / "pipeline.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
        settings = Settings(home=tmp_path / "home", pipelines=tmp_path / "pipelines", mlflow_url=mlflow_url)
        spec = PipelineSpec.load(folder / "pipeline.yaml")
        version = Lake.of(settings).append(
            f"{name}/features/training", feature_rows(rows), metadata={"raw_versions": json.dumps({"flights": 4})}
        )
        return Small(spec, settings, Registry(mlflow_url), version)

    return make


@pytest.fixture
def small_spec(tmp_path: Path) -> Callable[..., PipelineSpec]:
    """The same pipeline without a lake and a server."""

    def make(**training: Any) -> PipelineSpec:
        return PipelineSpec.model_validate(small_document("small", training, {}))

    return make


@pytest.fixture
def table() -> pa.Table:
    """4,000 rows over 60 days."""
    return feature_rows(4000)
