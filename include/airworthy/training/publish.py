"""What becomes of a training in MLflow and in the pod's log; of all ranks the first one writes it."""

from __future__ import annotations

import json
import platform
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch  # noqa: TID253 - this module is imported in training processes only
from safetensors.torch import save_file

from airworthy.code_version import code_version
from airworthy.model import kinds, reference
from airworthy.model.bundle import PREPROCESSING_FILE
from airworthy.registry import tags as names
from airworthy.training import dataset, plots
from airworthy.training.export import to_onnx

if TYPE_CHECKING:
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.training.dataset import TrainingData
    from airworthy.training.loop import EpochResult, Trainer
    from airworthy.training.network import Network
    from airworthy.training.process_group import Rank
    from airworthy.training.tracking import TrackedRun

#: Training rows on which the exported model must answer as the trained one does.
PARITY_ROWS = 256


class Bystander:
    """Every rank but the first: it trains, and writes nothing."""

    def begin(self) -> None:
        """The group is complete."""

    def epoch(self, history: Sequence[EpochResult]) -> None:
        """One more epoch is done, and kept in a checkpoint."""

    def finish(self, trainer: Trainer, network: Network) -> None:
        """Every epoch is done; ``network`` has the best one's weights."""


class Publisher(Bystander):
    """The first rank: opens the run, logs every epoch and, at the end, the model.

    Args:
        run: of the training; one that an earlier pod left goes on.
        spec: the pipeline.
        settings: where the lake is.
        data: what is trained on.
        rank: this process, for the run's params.
    """

    def __init__(self, run: TrackedRun, spec: PipelineSpec, settings: Settings, data: TrainingData, rank: Rank) -> None:
        self.run = run
        self.spec = spec
        self.settings = settings
        self.data = data
        self.rank = rank
        self.kind = kinds.of(spec)

    def begin(self) -> None:
        snapshot = self.data.snapshot
        self.run.open(
            {
                names.KIND: names.CANDIDATE,
                names.DATA_VERSION: str(snapshot.version),
                names.RAW_VERSIONS: dataset.raw_versions(self.spec, self.settings, snapshot.version),
                names.DATA_UNTIL: snapshot.data_until.isoformat(),
                names.CODE_VERSION: code_version(),
            }
        )
        self.run.log_params(self._params())

    def epoch(self, history: Sequence[EpochResult]) -> None:
        done = history[-1]
        validation = ", ".join(
            f"{self.kind.metrics[name].title} {'-' if value is None else format(value, '.4f')}"
            for name, value in done.validation.items()
        )
        print(
            f"epoch {done.epoch + 1}/{self.spec.training.epochs}: train loss {done.train_loss:.4f}, "
            f"validation {validation}, {done.samples_per_second:,.0f} samples/s",
            flush=True,
        )
        self.run.log_epochs(history)

    def finish(self, trainer: Trainer, network: Network) -> None:
        self.run.log_epochs(trainer.history)  # a pod killed right after its last checkpoint has logged too few
        rows = self.data.train
        step = max(1, rows.labels.size // PARITY_ROWS)
        model = to_onnx(network, rows.categorical[::step], rows.numeric[::step], self.kind)
        with tempfile.TemporaryDirectory() as temporary:
            self._write(Path(temporary), trainer, network)
            self.run.log_folder(Path(temporary))
        self.run.log_metrics(
            {
                "best_epoch": float(trainer.best_epoch),
                "samples_per_second_mean": sum(e.samples_per_second for e in trainer.history) / len(trainer.history),
            }
        )
        # the model last: that it is there says that the rest is
        self.run.registry.packages.log(self.run.run_id or "", model, self.data.encoder, self.kind)
        self.run.close()
        print(f"logged the model of epoch {trainer.best_epoch + 1} to MLflow run {self.run.run_id}", flush=True)

    def _write(self, folder: Path, trainer: Trainer, network: Network) -> None:
        encoder = self.data.encoder
        (folder / "weights").mkdir()
        weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
        save_file(weights, folder / "weights" / "network.safetensors")
        (folder / PREPROCESSING_FILE).write_text(encoder.to_json(), encoding="utf-8")
        frozen = reference.describe(self.data.columns, encoder.categorical, encoder.numeric)
        (folder / "reference.json").write_text(json.dumps(frozen), encoding="utf-8")
        plots.training_curve(self.kind, trainer.history, folder / "plots" / "training.png")

    def _params(self) -> dict[str, Any]:
        snapshot, encoder = self.data.snapshot, self.data.encoder
        return {
            **self.spec.training.model_dump(exclude={"profiles"}),
            "world_size": self.rank.world_size,
            "device": _device_name(self.rank.device),
            "precision": str(self.rank.precision).removeprefix("torch."),
            "python": platform.python_version(),
            **{package: version(package) for package in ("torch", "deepspeed", "onnx")},
            "train_rows": snapshot.train.num_rows,
            "validation_rows": snapshot.validation.num_rows,
            "holdout_from": snapshot.holdout_from.isoformat(),
            "cardinalities": dict(zip(encoder.categorical, encoder.cardinalities, strict=True)),
        }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"cpu, {torch.get_num_threads()} threads, {platform.machine()}"
