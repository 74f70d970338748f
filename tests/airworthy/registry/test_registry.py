"""The registry against a real MLflow server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import mlflow
import numpy as np
import onnxruntime
import pytest

from airworthy.model.encoder import Encoder
from airworthy.registry import tags as names
from airworthy.registry.client import NotInRegistry, RegistryAway
from airworthy.registry.registry import NotRegistrable, Registry
from airworthy.spec.pipeline import PipelineSpec
from airworthy.traffic.serving_state import ServingState

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture
def registry(mlflow_url: str) -> Registry:
    return Registry(mlflow_url)


@pytest.fixture
def named(spec: PipelineSpec) -> PipelineSpec:
    """The example under a name of its own, so that tests share a server and nothing else."""
    return spec.model_copy(update={"name": f"m_{uuid.uuid4().hex[:8]}"})


def test_an_unknown_model_serves_nothing(registry: Registry, named: PipelineSpec) -> None:
    assert registry.serving_state(named.name) == ServingState()
    assert registry.alias(named.name, "champion") is None
    assert registry.run_for(named.name, "none") is None


def test_registering_again_gives_the_same_version_with_its_tags(registry: Registry, named: PipelineSpec) -> None:
    first = registry.register_baseline(named, 0.25, tags={names.DATA_VERSION: "7"})
    assert registry.register_baseline(named, 0.25, tags={names.DATA_VERSION: "7"}) == first
    assert registry.register(named.name, "baseline", {names.EVIDENCE_DIGEST: "abc"}) == first
    tags = registry.version_tags(named.name, first)
    assert tags[names.KIND] == "baseline"
    assert tags[names.DATA_VERSION] == "7"
    assert tags[names.EVIDENCE_DIGEST] == "abc"
    assert tags[names.TRAIN_RUN] == "baseline"
    assert names.MODEL_ID not in tags
    assert len(registry.client.search_model_versions(f"name = '{named.name}'")) == 1
    experiment = registry.client.get_experiment_by_name(named.name)
    assert experiment is not None
    assert len(registry.client.search_logged_models([experiment.experiment_id])) == 1


def test_a_model_can_be_loaded_by_mlflow_itself_with_its_signature(registry: Registry, named: PipelineSpec) -> None:
    version = registry.register_baseline(named, 0.25)
    mlflow.set_tracking_uri(registry.url)
    model = mlflow.pyfunc.load_model(f"models:/{named.name}/{version}")
    inputs = {
        "categorical": np.zeros((2, len(named.features.categorical)), np.int64),
        "numeric": np.zeros((2, len(named.features.numeric)), np.float32),
    }
    assert model.predict(inputs)["probability"].tolist() == [0.25, 0.25]
    assert model.metadata.signature.inputs.input_names() == ["categorical", "numeric"]


def test_a_model_whose_logging_was_killed_half_way_is_replaced(registry: Registry, named: PipelineSpec) -> None:
    run_id = registry.open_run(named.name, "baseline")
    experiment = registry.client.get_run(run_id).info.experiment_id
    half = registry.client.create_logged_model(experiment, "model", source_run_id=run_id)
    registry.register_baseline(named, 0.25)
    (whole,) = registry.client.search_logged_models([experiment])
    assert whole.model_id != half.model_id


def test_a_crash_between_version_and_tags_is_repaired(registry: Registry, named: PipelineSpec) -> None:
    version = registry.register_baseline(named, 0.25)
    registry.client.delete_model_version_tag(named.name, str(version), names.KIND)
    assert registry.register(named.name, "baseline") == version
    assert registry.version_tags(named.name, version)[names.KIND] == "baseline"


def test_a_version_created_twice_by_a_repeated_request_is_reduced_to_the_first(
    registry: Registry, named: PipelineSpec
) -> None:
    version = registry.register_baseline(named, 0.25)
    found = registry.version(named.name, version)
    registry.client.create_model_version(
        named.name, f"models:/{found.model_id}", run_id=found.run_id, model_id=found.model_id
    )
    assert registry.register(named.name, "baseline") == version
    assert len(registry.client.search_model_versions(f"name = '{named.name}'")) == 1


def test_a_second_run_of_the_same_training_is_not_kept(registry: Registry, named: PipelineSpec) -> None:
    first = registry.open_run(named.name, "run 1", {names.KIND: "candidate"})
    assert registry.open_run(named.name, "run 1", {names.DATA_VERSION: "3"}) == first
    assert registry.run(named.name, "run 1").data.tags[names.DATA_VERSION] == "3"
    assert registry.open_run(named.name, "it's run 2") != first


def test_a_run_without_a_model_or_with_failed_gates_is_not_registered(registry: Registry, named: PipelineSpec) -> None:
    run_id = registry.open_run(named.name, "unfinished", {names.KIND: "candidate"})
    with pytest.raises(NotRegistrable, match="no finished model"):
        registry.register(named.name, "unfinished")
    registry.client.set_tag(run_id, names.MODEL_ID, "m-1")
    with pytest.raises(NotRegistrable, match="gates"):
        registry.register(named.name, "unfinished")
    registry.client.set_tag(run_id, names.GATES, "failed")
    with pytest.raises(NotRegistrable, match="'failed'"):
        registry.register(named.name, "unfinished")
    with pytest.raises(NotInRegistry, match="no MLflow run"):
        registry.register(named.name, "never began")


def test_aliases_and_canary_share_are_what_serving_reads(registry: Registry, named: PipelineSpec) -> None:
    old = registry.register_baseline(named, 0.2)
    new = registry.register_baseline(named, 0.3, train_run="t2", kind="candidate")
    registry.set_alias(named.name, "champion", old)
    registry.set_canary(named.name, "r-v2", 5)
    assert registry.serving_state(named.name) == ServingState(old, None, 0.0, "r-v2")
    registry.set_alias(named.name, "challenger", new)
    assert registry.serving_state(named.name) == ServingState(old, new, 5.0, "r-v2")
    for _ in range(2):
        registry.clear_canary(named.name)
        registry.delete_alias(named.name, "challenger")
    assert registry.serving_state(named.name) == ServingState(old)


def test_a_download_holds_the_model_and_its_preprocessing_and_nothing_else(
    registry: Registry, named: PipelineSpec, tmp_path: Path
) -> None:
    version = registry.register_baseline(named, 0.25)
    folder = registry.download(named.name, version, tmp_path)
    assert registry.download(named.name, version, tmp_path) == folder
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "preprocessing.json"]
    assert list(tmp_path.iterdir()) == [folder]
    encoder = Encoder.load(folder)
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    inputs = dict(zip(["categorical", "numeric"], encoder.encode(_rows(encoder, 3)), strict=True))
    assert {i.name for i in session.get_inputs()} == set(inputs)
    np.testing.assert_array_equal(session.run(["probability"], inputs)[0], np.full(3, 0.25, np.float32))


def _rows(encoder: Encoder, n: int) -> dict[str, list[object]]:
    return {**{c: ["x"] * n for c in encoder.categorical}, **{c: [None] * n for c in encoder.numeric}}


def test_talking_to_the_registry_does_not_import_feast_and_torch(registry: Registry) -> None:
    script = f"""
import sys
from airworthy.registry.registry import Registry
Registry({registry.url!r}).serving_state("m")
print([name for name in ("feast", "torch") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert done.stdout.strip() == "[]"


def test_a_version_that_is_not_there_is_named(registry: Registry, named: PipelineSpec, tmp_path: Path) -> None:
    registry.register_baseline(named, 0.25)
    with pytest.raises(NotInRegistry, match="no version 9"):
        registry.download(named.name, 9, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_registry_that_is_away_is_noticed_in_seconds() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    began = time.monotonic()
    with pytest.raises(RegistryAway, match="does not answer") as caught:
        Registry(url).serving_state("m")
    assert time.monotonic() - began < 15
    assert caught.value.next_step
