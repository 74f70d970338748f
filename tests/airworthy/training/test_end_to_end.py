"""Training through DeepSpeed's launcher, evaluation and registration, against a real MLflow server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from airworthy.evaluation.evaluate import evaluate, score
from airworthy.registry import tags as names
from airworthy.registry.versions import NotRegistrable
from airworthy.training import dataset, worker

Make = Callable[..., "Small"]  # noqa: F821

pytestmark = pytest.mark.timeout(400)


def runs(made: object) -> list[object]:
    client = made.registry.server.client
    experiment = client.get_experiment_by_name(made.spec.name)
    return list(client.search_runs([experiment.experiment_id]))


def logged_models(made: object) -> list[object]:
    client = made.registry.server.client
    return list(client.search_logged_models([client.get_experiment_by_name(made.spec.name).experiment_id]))


def steps(made: object, metric: str) -> list[int]:
    (run,) = runs(made)
    return [point.step for point in made.registry.server.client.get_metric_history(run.info.run_id, metric)]


def holdout_scores(made: object, version: int, to: Path) -> np.ndarray:
    snapshot = dataset.load(made.spec, made.settings, made.version)
    return score(
        made.registry.packages.download(made.spec.name, version, to), dataset.features(made.spec, snapshot.holdout)
    )


def test_a_training_that_passes_its_gates_is_registered_once_however_often_each_step_is_tried(
    small: Make, tmp_path: Path
) -> None:
    made = small()
    status, output = made.train("run 1")
    assert status == 0, output
    assert "epoch 2/2" in output
    demanding = made.spec.gates.model_copy(update={"min_roc_auc": 0.999})
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
    (run,) = runs(made)
    assert run.info.status == "FINISHED"
    assert len(logged_models(made)) == 1
    assert steps(made, "train_loss") == [0, 1]
    assert steps(made, "holdout_roc_auc") == [0]

    assert first.candidate.roc_auc > 0.6
    assert first.candidate.log_loss < first.average.log_loss
    assert first.average.roc_auc == 0.5
    assert first.candidate.roc_auc > first.lightgbm.metrics.roc_auc - 0.1
    assert {(part.column, part.value) for part in first.slices} == {("origin", "EWR"), ("origin", "JFK")}
    assert {part.average.roc_auc for part in first.slices if part.average} == {0.5}
    assert first.champion is None
    assert run.data.params["hidden"] == "[16]"
    assert float(run.data.metrics["lightgbm_roc_auc"]) == pytest.approx(first.lightgbm.metrics.roc_auc)
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
    assert against_itself.champion.difference.roc_auc == 0


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
    assert len(logged_models(made)) == 0

    status, output = made.train("run 1")
    assert status == 0, output
    assert "epoch 1/5" not in output
    assert "epoch 5/5" in output
    assert steps(made, "train_loss") == [0, 1, 2, 3, 4]
    assert len(logged_models(made)) == 1

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
    (run,) = runs(made)
    assert run.data.params["world_size"] == "2"
    assert run.data.metrics["validation_roc_auc"] > 0.6


BROKEN = """
import sys
from airworthy.training import network
from airworthy.training import worker
forward = network.Core.forward
network.Core.forward = lambda self, *inputs: forward(self, *inputs) * float("nan")
sys.exit(worker.main(sys.argv[1:]))
"""


def test_a_loss_that_is_no_number_fails_with_a_next_step_and_logs_no_model(small: Make, tmp_path: Path) -> None:
    made = small()
    command = [sys.executable, "-c", BROKEN, "--pipeline", made.spec.name, "--train-run", "run 1"]
    command += ["--features-version", str(made.version), "--meeting-point", str(tmp_path / "meet")]
    launched = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    done = subprocess.run(
        command,
        env=made.environment(**launched, DS_ACCELERATOR="cpu"),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 1
    assert "TrainingDiverged: the loss became nan in epoch 0" in done.stderr
    assert "next: lower training.learning_rate" in done.stderr
    (run,) = runs(made)
    assert run.info.status == "FAILED"
    assert names.MODEL_ID not in run.data.tags
    assert logged_models(made) == []


def test_an_unknown_pipeline_and_a_missing_version_fail_with_a_message(
    small: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = small()
    monkeypatch.setattr(worker, "_die_with_parent", lambda: None)
    monkeypatch.setattr(worker, "from_environment", lambda: made.settings)
    rest = ["--train-run", "run 1", "--meeting-point", str(tmp_path / "meet"), "--features-version", "9"]
    assert worker.main(["--pipeline", made.spec.name, *rest]) == 1
    assert "has no version 9" in capsys.readouterr().err
    assert worker.main(["--pipeline", "nonsense", *rest]) == 1
    assert "no pipeline 'nonsense'" in capsys.readouterr().err
