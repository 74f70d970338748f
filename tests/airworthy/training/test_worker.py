"""One rank as a command: what it says when it cannot train; what it trains is tested in test_end_to_end.py."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from small_training import Small

from airworthy.registry import tags as names
from airworthy.training import worker
from airworthy.training.dataset import TrainingData
from airworthy.training.tracking import TrackedRun

Make = Callable[..., Small]

BROKEN = """
import sys
from airworthy.training import network
from airworthy.training import worker
forward = network.Core.forward
network.Core.forward = lambda self, *inputs: forward(self, *inputs) * float("nan")
sys.exit(worker.main(sys.argv[1:]))
"""


@pytest.mark.timeout(300)
def test_a_loss_that_is_no_number_fails_with_a_next_step_and_logs_no_model(small: Make, tmp_path: Path) -> None:
    made = small()
    command = [sys.executable, "-c", BROKEN, "--pipeline", made.spec.name, "--train-run", "run 1"]
    command += ["--features-version", str(made.version), "--rendezvous", str(tmp_path / "meet")]
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
    (run,) = made.runs()
    assert run.info.status == "FAILED"
    assert names.MODEL_ID not in run.data.tags
    assert made.logged_models() == []


@pytest.fixture
def train(small: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Small, Callable[..., int]]:
    """A small pipeline, and the command in this process."""
    made = small()
    monkeypatch.setattr(worker, "_die_with_parent", lambda: None)
    monkeypatch.setattr(worker, "from_environment", lambda: made.settings)

    def main(pipeline: str = made.spec.name, version: int = made.version) -> int:
        rest = ["--train-run", "run 1", "--rendezvous", str(tmp_path / "meet"), "--features-version", str(version)]
        return worker.main(["--pipeline", pipeline, *rest])

    return made, main


def test_an_unknown_pipeline_and_a_missing_version_fail_with_a_message(
    train: tuple[Small, Callable[..., int]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, main = train
    assert main(version=9) == 1
    assert "has no version 9" in capsys.readouterr().err
    assert main(pipeline="nonsense") == 1
    assert "no pipeline 'nonsense'" in capsys.readouterr().err


def test_a_training_that_has_its_model_reads_and_imports_nothing(
    train: tuple[Small, Callable[..., int]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, main = train
    run = TrackedRun(made.registry, made.spec.name, "run 1")
    run.open({names.MODEL_ID: "m-1"})
    monkeypatch.setattr(worker, "load", lambda *_: pytest.fail("it reads the rows"))
    assert main() == 0
    assert "has its model already: nothing to do" in capsys.readouterr().out
    assert [found.info.status for found in made.runs()] == ["FINISHED"]


def test_loading_says_how_many_rows_of_each_part_there_are(small: Make, capsys: pytest.CaptureFixture[str]) -> None:
    made = small()
    data = worker.load(made.spec, made.settings, made.version)
    assert isinstance(data, TrainingData)
    assert data.train.numeric.shape == (data.snapshot.train.num_rows, len(made.spec.features.numeric))
    assert data.validation.labels.size == data.snapshot.validation.num_rows
    assert "3,192 training, 125 validation and 666 holdout rows (from 2013-02-20)" in capsys.readouterr().out
