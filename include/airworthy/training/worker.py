"""One training process, started by DeepSpeed's launcher: loads rows, joins the others, fits, publishes the model."""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airworthy.code_version import code_version
from airworthy.errors import AirworthyError
from airworthy.model import kinds
from airworthy.registry.registry import Registry
from airworthy.settings import from_environment
from airworthy.spec import folders
from airworthy.training.dataset import TrainingData
from airworthy.training.tracking import TrackedRun

if TYPE_CHECKING:
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.training.process_group import Rank


def main(arguments: list[str] | None = None) -> int:
    """Train, or say that this training is finished; 1 with a message and a next step when it cannot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--train-run", required=True)
    parser.add_argument("--features-version", required=True, type=int)
    parser.add_argument("--rendezvous", required=True, type=Path, help="a file that does not exist yet, for all ranks")
    parser.add_argument("--local_rank", type=int, default=0, help="given by DeepSpeed's launcher")
    options = parser.parse_args(arguments)
    _die_with_parent()
    settings = from_environment()
    try:
        spec = folders.load(settings.pipelines, options.pipeline)
        run = TrackedRun(Registry(settings.mlflow_url), spec.name, options.train_run)
        if run.finished:
            _say(f"run {run.run_id} of {options.train_run!r} has its model already: nothing to do")
            run.close()
            return 0
        data = load(spec, settings, options.features_version)
        try:
            train(spec, settings, run, data, options.rendezvous)
        except AirworthyError:
            run.close(failed=True)
            raise
    except AirworthyError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def load(spec: PipelineSpec, settings: Settings, features_version: int) -> TrainingData:
    """Read the snapshot and encode what is trained on.

    Raises:
        DatasetError: it cannot be trained on.
        TableMissing: there is no such version.
    """
    _say(f"training {spec.name} on features version {features_version}")
    data = TrainingData.load(spec, settings, features_version)
    snapshot = data.snapshot
    _say(
        f"{snapshot.train.num_rows:,} training, {snapshot.validation.num_rows:,} validation and "
        f"{snapshot.holdout.num_rows:,} holdout rows (from {snapshot.holdout_from:%Y-%m-%d})"
    )
    return data


def train(spec: PipelineSpec, settings: Settings, run: TrackedRun, data: TrainingData, rendezvous: Path) -> None:
    """Join the other ranks, fit the network, publish it.

    Raises:
        TrainingDiverged: the loss became NaN or infinite.
        ExportMismatch: the exported model does not answer as the trained one.
        RegistryAway: MLflow does not answer.
    """
    # torch and DeepSpeed take seconds: a training that is finished, or cannot begin, does without them
    import torch

    from airworthy.training import process_group
    from airworthy.training.loop import Checkpoints, Trainer
    from airworthy.training.network import Core, Network, Scaling
    from airworthy.training.publish import Bystander, Publisher

    with process_group.join(spec.training.resources, rendezvous) as rank:
        publisher = Publisher(run, spec, settings, data, rank) if rank.is_first else Bystander()
        publisher.begin()
        kind = kinds.of(spec)
        torch.manual_seed(spec.training.seed)
        scaling = Scaling(len(data.encoder.numeric)).fit(data.train.numeric)
        core = Core(data.encoder.cardinalities, scaling.outputs, spec.training)
        checkpoints = Checkpoints(_folder(settings, run), _fingerprint(spec, data, rank))
        trainer = Trainer(
            kind=kind, options=spec.training, scaling=scaling, core=core, rank=rank, checkpoints=checkpoints
        )
        core.load_state_dict(trainer.fit(data.train, data.validation, publisher.epoch))
        publisher.finish(trainer, Network(scaling.cpu(), core.float().cpu(), kind))
        if rank.is_first:
            shutil.rmtree(checkpoints.folder, ignore_errors=True)


def _folder(settings: Settings, run: TrackedRun) -> Path:
    key = hashlib.sha256(f"{settings.mlflow_url}\n{run.train_run}".encode()).hexdigest()[:16]
    return settings.home / "training" / f"{run.pipeline}-{key}"


def _fingerprint(spec: PipelineSpec, data: TrainingData, rank: Rank) -> str:
    snapshot = data.snapshot
    parts = [
        spec.training.model_dump_json(exclude={"profiles", "timeout_minutes", "image"}),
        data.encoder.to_json(),
        str((snapshot.version, snapshot.train.num_rows, snapshot.data_until, rank.world_size, str(rank.precision))),
        code_version(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _die_with_parent() -> None:
    """When the launcher is killed with -9, do not go on training beside the pod's next try (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG


def _say(text: str) -> None:
    if os.environ.get("RANK", "0") == "0":
        print(text, flush=True)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # everything is written; taking torch's and MLflow's modules down would take another 2 s
