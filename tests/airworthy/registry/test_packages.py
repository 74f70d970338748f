"""Model files on a real MLflow server: whole or not there, readable by MLflow itself, and nothing else beside them."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import onnxruntime
import pytest
from made_versions import always

from airworthy.model.encoder import Encoder
from airworthy.registry.client import NotInRegistry
from airworthy.registry.registry import Registry
from airworthy.spec.pipeline import PipelineSpec


def test_a_model_can_be_loaded_by_mlflow_itself_with_its_signature(registry: Registry, named: PipelineSpec) -> None:
    version = always(registry, named, 0.25)
    mlflow.set_tracking_uri(registry.server.url)
    model = mlflow.pyfunc.load_model(f"models:/{named.name}/{version}")
    inputs = {
        "categorical": np.zeros((2, len(named.features.categorical)), np.int64),
        "numeric": np.zeros((2, len(named.features.numeric)), np.float32),
    }
    assert model.predict(inputs)["probability"].tolist() == [0.25, 0.25]
    assert model.metadata.signature.inputs.input_names() == ["categorical", "numeric"]


def test_a_model_whose_logging_was_killed_half_way_is_replaced(registry: Registry, named: PipelineSpec) -> None:
    run_id = registry.runs.open(named.name, "constant")
    experiment = registry.server.client.get_run(run_id).info.experiment_id
    half = registry.server.client.create_logged_model(experiment, "model", source_run_id=run_id)
    always(registry, named, 0.25)
    (whole,) = registry.server.client.search_logged_models([experiment])
    assert whole.model_id != half.model_id


def test_a_download_holds_the_model_and_its_preprocessing_and_nothing_else(
    registry: Registry, named: PipelineSpec, tmp_path: Path
) -> None:
    version = always(registry, named, 0.25)
    folder = registry.packages.download(named.name, version, tmp_path)
    assert registry.packages.download(named.name, version, tmp_path) == folder
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "preprocessing.json"]
    assert list(tmp_path.iterdir()) == [folder]
    encoder = Encoder.load(folder)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    inputs = dict(zip(["categorical", "numeric"], encoder.encode(_rows(encoder, 3)), strict=True))
    assert {i.name for i in session.get_inputs()} == set(inputs)
    np.testing.assert_array_equal(session.run(["probability"], inputs)[0], np.full(3, 0.25, np.float32))


def _rows(encoder: Encoder, n: int) -> dict[str, list[object]]:
    return {**{c: ["x"] * n for c in encoder.categorical}, **{c: [None] * n for c in encoder.numeric}}


def test_a_version_that_is_not_there_is_named(registry: Registry, named: PipelineSpec, tmp_path: Path) -> None:
    always(registry, named, 0.25)
    with pytest.raises(NotInRegistry, match="no version 9"):
        registry.packages.download(named.name, 9, tmp_path)
    assert list(tmp_path.iterdir()) == []
