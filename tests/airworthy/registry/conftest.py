"""Fixtures of the registry's tests: a real MLflow server, and a model name of one's own."""

from __future__ import annotations

import uuid

import pytest

from airworthy.registry.registry import Registry
from airworthy.spec.pipeline import PipelineSpec


@pytest.fixture
def registry(mlflow_url: str) -> Registry:
    return Registry(mlflow_url)


@pytest.fixture
def named(spec: PipelineSpec) -> PipelineSpec:
    """The example under a name of its own, so that tests share a server and nothing else."""
    return spec.model_copy(update={"name": f"m_{uuid.uuid4().hex[:8]}"})
