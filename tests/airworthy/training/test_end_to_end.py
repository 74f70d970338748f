"""Training through DeepSpeed's launcher, evaluation and registration, against a real MLflow server."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from small_training import Small

from airworthy.evaluation.evaluate import evaluate
from airworthy.evaluation.rivals import answers
from airworthy.model import kinds
from airworthy.registry import tags as names
from airworthy.registry.versions import NotRegistrable
from airworthy.spec.gates import Gates
from airworthy.training import dataset

Make = Callable[..., Small]

pytestmark = pytest.mark.timeout(400)


def holdout_scores(made: Small, version: int, to: Path) -> np.ndarray:
    snapshot = dataset.load(made.spec, made.settings, made.version)
    folder = made.registry.packages.download(made.spec.name, version, to)
    return answers(kinds.of(made.spec), folder, dataset.features(made.spec, snapshot.holdout))


def test_a_training_that_passes_its_gates_is_registered_once_however_often_each_step_is_tried(
    small: Make, tmp_path: Path
) -> None:
    made = small()
    status, output = made.train("run 1")
    assert status == 0, output
    assert "epoch 2/2" in output
    demanding = Gates.model_validate({"metrics": {"roc_auc": {"min": 0.999}}})
    evaluate(made.spec.model_copy(update={"gates": demanding}), made.settings, "run 1")
    with pytest.raises(NotRegistrable, match="'failed'"):
        made.registry.versions.register(made.spec.name, "run 1")
    first = evaluate(made.spec, made.settings, "run 1")
    version = made.registry.versions.register(made.spec.name, "run 1")

    status, output = made.train("run 1")
    assert status == 0, output
    assert "nothing to do" in output
    assert evaluate(made.spec, made.settings, "run 1") == first
    assert made.registry.versions.register(made.spec.name, "run 1") == version
    (run,) = made.runs()
    assert run.info.status == "FINISHED"
    assert len(made.logged_models()) == 1
    assert made.steps("train_loss") == [0, 1]
    assert made.steps("holdout_roc_auc") == [0]

    assert first.candidate["roc_auc"] > 0.6
    assert first.candidate["log_loss"] < first.average["log_loss"]
    assert first.average["roc_auc"] == 0.5
    assert first.candidate["roc_auc"] > first.lightgbm.figures["roc_auc"] - 0.1
    assert first.doubts == ()
    assert {(part.column, part.value) for part in first.slices} == {("origin", "EWR"), ("origin", "JFK")}
    assert {part.average["roc_auc"] for part in first.slices if part.average} == {0.5}
    assert first.champion is None
    assert run.data.params["hidden"] == "[16]"
    assert float(run.data.metrics["lightgbm_roc_auc"]) == pytest.approx(first.lightgbm.figures["roc_auc"])
    tags = made.registry.versions.tags(made.spec.name, version)
    assert tags[names.DATA_VERSION] == str(made.version)
    assert tags[names.RAW_VERSIONS] == '{"flights": 4}'
    assert tags[names.DATA_UNTIL] == first.data_until
    assert tags[names.TRAIN_RUN] == "run 1"
    assert tags[names.CODE_VERSION]
    assert not list((made.settings.home / "training").iterdir())
    artifacts = {a.path for a in made.registry.server.client.list_artifacts(run.info.run_id)}
    assert {"reference.json", "evaluation.json", "gates.json", "weights", "plots", "preprocessing.json"} <= artifacts
    scores = holdout_scores(made, version, tmp_path)
    assert ((scores > 0) & (scores < 1)).all()

    made.registry.aliases.set(made.spec.name, "champion", version)
    against_itself = evaluate(made.spec, made.settings, "run 1")
    assert against_itself.champion.version == version
    assert against_itself.champion.difference.value == 0


def test_a_training_killed_in_the_middle_goes_on_and_ends_as_if_nothing_had_happened(small: Make) -> None:
    made = small(epochs=5, batch_size=16)
    pod = made.pod("run 1")
    assert pod.stdout is not None
    for line in pod.stdout:
        if line.startswith("epoch 2/5"):
            break
    workers = psutil.Process(pod.pid).children(recursive=True)
    os.kill(pod.pid, signal.SIGKILL)  # the pod's process only: its children must not go on beside the next try
    pod.wait()
    assert workers
    assert not psutil.wait_procs(workers, timeout=20)[1]
    assert len(made.logged_models()) == 0

    status, output = made.train("run 1")
    assert status == 0, output
    assert "epoch 1/5" not in output
    assert "epoch 5/5" in output
    assert made.steps("train_loss") == [0, 1, 2, 3, 4]
    assert len(made.logged_models()) == 1

    made.train("run 2")
    interrupted, straight = (made.registry.runs.get(made.spec.name, f"run {i}").data.metrics for i in (1, 2))
    for metric in ("train_loss", "validation_log_loss", "validation_roc_auc"):
        assert interrupted[metric] == straight[metric]


def test_two_processes_that_shard_the_optimizer_train_one_model(small: Make) -> None:
    made = small(
        zero_stage=2, profile="two", profiles={"two": {"gpus": 0, "processes": 2, "cpu": "2", "memory": "2Gi"}}
    )
    status, output = made.train("run 1")
    assert status == 0, output
    assert output.count("epoch 2/2") == 1
    assert not list((made.settings.home / "training").iterdir()), "neither checkpoints nor the rendezvous stay"
    (run,) = made.runs()
    assert run.data.params["world_size"] == "2"
    assert run.data.metrics["validation_roc_auc"] > 0.6
