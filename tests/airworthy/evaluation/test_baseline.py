"""The always-average model on a real MLflow server: one for a pipeline, and it answers the average."""

from __future__ import annotations

import uuid
from pathlib import Path

import onnxruntime
import pytest
from evaluations import evaluation
from small_models import SPEC

from airworthy.evaluation import baseline
from airworthy.model.encoder import Encoder
from airworthy.registry import tags as names
from airworthy.registry.registry import Registry
from airworthy.spec.pipeline import PipelineSpec


@pytest.fixture
def registry(mlflow_url: str) -> Registry:
    return Registry(mlflow_url)


@pytest.fixture
def named() -> PipelineSpec:
    return SPEC.model_copy(update={"name": f"b_{uuid.uuid4().hex[:8]}"})


def answers(registry: Registry, spec: PipelineSpec, version: int, folder: Path) -> list[float]:
    files = registry.packages.download(spec.name, version, folder)
    encoder = Encoder.load(files)
    columns = {**{c: ["x"] * 2 for c in encoder.categorical}, **{c: [None] * 2 for c in encoder.numeric}}
    inputs = dict(zip(["categorical", "numeric"], encoder.encode(columns), strict=True))
    return onnxruntime.InferenceSession(files / "model.onnx").run(["probability"], inputs)[0].tolist()


def test_it_answers_the_label_rate_of_the_training_rows(
    registry: Registry, named: PipelineSpec, tmp_path: Path
) -> None:
    version = baseline.ensure(registry, named, evaluation(average_answer=0.31))
    assert answers(registry, named, version, tmp_path) == pytest.approx([0.31, 0.31])
    assert registry.versions.get(named.name, version).is_baseline


def test_a_pipeline_has_one_and_it_stays_as_it_is(registry: Registry, named: PipelineSpec, tmp_path: Path) -> None:
    first = baseline.ensure(registry, named, evaluation(average_answer=0.31))
    assert baseline.ensure(registry, named, evaluation(average_answer=0.6)) == first
    assert answers(registry, named, first, tmp_path) == pytest.approx([0.31, 0.31])
    assert len(registry.versions.all(named.name)) == 1


def test_a_baseline_whose_registration_was_killed_is_finished(
    registry: Registry, named: PipelineSpec, tmp_path: Path
) -> None:
    run_id = registry.runs.open(named.name, baseline.RUN)  # killed before its kind and its model
    experiment = registry.server.client.get_run(run_id).info.experiment_id
    registry.server.client.create_logged_model(experiment, "model", source_run_id=run_id)
    version = baseline.ensure(registry, named, evaluation(average_answer=0.31))
    assert answers(registry, named, version, tmp_path) == pytest.approx([0.31, 0.31])
    assert registry.versions.tags(named.name, version)[names.KIND] == names.BASELINE


def test_an_average_that_is_none_is_refused(registry: Registry, named: PipelineSpec) -> None:
    with pytest.raises(ValueError, match=r"cannot answer 1\.2 on average"):
        baseline.ensure(registry, named, evaluation(average_answer=1.2))
    assert registry.versions.all(named.name) == []
