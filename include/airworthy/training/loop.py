"""The training loop: DeepSpeed's engine, one checkpoint for each epoch, the best epoch's weights."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import deepspeed  # noqa: TID253 - this module is imported in training processes only
import numpy as np
import torch  # noqa: TID253
from numpy.typing import NDArray
from torch import Tensor, nn  # noqa: TID253

from airworthy.errors import AirworthyError
from airworthy.model.kinds import binary

if TYPE_CHECKING:
    from airworthy.spec.training import Training
    from airworthy.training.network import Core, Scaling

WARM_UP = 0.2  # share of the steps in which the learning rate rises
WEIGHT_DECAY = 0.01
CHECK_EVERY = 50  # steps; looking at a loss waits for the device
EVALUATION_BATCH = 8192


class TrainingDiverged(AirworthyError):
    """The loss is no number any more."""


class Arrays(NamedTuple):
    """Encoded rows: categorical int64 [n, C], numeric float32 [n, F], labels float32 [n]."""

    categorical: NDArray[np.int64]
    numeric: NDArray[np.float32]
    labels: NDArray[np.float32]


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows; losses in nats per row."""

    epoch: int
    train_loss: float
    validation_log_loss: float
    validation_roc_auc: float
    learning_rate: float
    samples_per_second: float


@dataclass(frozen=True)
class Place:
    """Where this process trains.

    Attributes:
        rank, world: this process and how many there are.
        device: e.g. ``cpu`` or ``cuda:0``.
        work: folder for checkpoints; every rank writes its shard there.
    """

    rank: int
    world: int
    device: torch.device
    work: Path

    @property
    def precision(self) -> torch.dtype:
        """bf16 on an accelerator; on a CPU it would save nothing that matters."""
        return torch.float32 if self.device.type == "cpu" else torch.bfloat16


class Fit:
    """Trains one network; a new `Fit` in the same work folder goes on after the last whole epoch.

    Given the same rows, options and number of processes, the result is the same, interrupted or not: the order of
    rows and the dropout of an epoch depend on seed and epoch only.

    Args:
        options: the spec's training section.
        scaling: fitted on the training rows; it is not trained.
        core: what is trained.
        place: where.
        fingerprint: of everything the result depends on; a checkpoint of another one is thrown away.
    """

    def __init__(self, options: Training, scaling: Scaling, core: Core, place: Place, fingerprint: str) -> None:
        self.options = options
        self.place = place
        self.fingerprint = fingerprint
        self.scaling = scaling.to(place.device)
        self.core = core
        self.history: list[Epoch] = []
        self.best: dict[str, Tensor] = {}
        self.best_epoch = -1
        self._checkpoints = place.work / "checkpoints"

    def run(self, train: Arrays, validation: Arrays, on_epoch: Callable[[Epoch], None]) -> dict[str, Tensor]:
        """Train all epochs that are missing and return the weights of the one with the best validation log loss.

        Args:
            on_epoch: called after the checkpoint of each epoch, on every rank.

        Raises:
            TrainingDiverged: the loss became NaN or infinite.
        """
        batch = min(self.options.batch_size, train.labels.size) // self.place.world * self.place.world
        steps = train.labels.size // batch
        self._start_engine(batch, steps * self.options.epochs)
        self._resume()
        data = tuple(torch.from_numpy(array).to(self.place.device) for array in train)
        for epoch in range(len(self.history), self.options.epochs):
            result = self._epoch(epoch, data, validation, batch, steps)
            self.history.append(result)
            if self.best_epoch < 0 or result.validation_log_loss < self.history[self.best_epoch].validation_log_loss:
                self.best, self.best_epoch = self._weights(), epoch
            self._checkpoint(epoch)
            on_epoch(result)
        return self.best

    def _start_engine(self, batch: int, total_steps: int) -> None:
        torch.manual_seed(self.options.seed)
        self.engine, *_ = deepspeed.initialize(
            model=self.core,
            model_parameters=list(self.core.parameters()),
            lr_scheduler=lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
                optimizer, max_lr=self.options.learning_rate, total_steps=total_steps + 1, pct_start=WARM_UP
            ),
            config={
                "train_micro_batch_size_per_gpu": batch // self.place.world,
                "gradient_accumulation_steps": 1,
                "gradient_clipping": 1.0,
                "optimizer": {
                    "type": "AdamW",
                    # torch's own: DeepSpeed's fused ones are compiled at run time and need a compiler in the image
                    "params": {"lr": self.options.learning_rate, "weight_decay": WEIGHT_DECAY, "torch_adam": True},
                },
                "zero_optimization": {"stage": self.options.zero_stage},
                "bf16": {"enabled": self.place.precision is torch.bfloat16},
                "steps_per_print": 10**9,
            },
        )

    def _epoch(self, epoch: int, data: tuple[Tensor, ...], validation: Arrays, batch: int, steps: int) -> Epoch:
        began = time.monotonic()
        torch.manual_seed(self.options.seed * 100_003 + epoch)
        self.engine.train()
        losses: list[Tensor] = []
        for rows in self._batches(data[2].numel(), batch, steps):
            categorical, numeric, labels = (part[rows] for part in data)
            with torch.no_grad():
                scaled = self.scaling(numeric).to(self.place.precision)
            logits = self.engine(categorical, scaled).float()
            loss = nn.functional.binary_cross_entropy_with_logits(logits, labels)
            self.engine.backward(loss)
            self.engine.step()
            losses.append(loss.detach())
            if len(losses) % CHECK_EVERY == 0 or len(losses) == steps:
                self._check_finite(torch.stack(losses[-CHECK_EVERY:]), epoch, len(losses))
        seconds = time.monotonic() - began
        scores = self._scores(validation)
        return Epoch(
            epoch=epoch,
            train_loss=float(torch.stack(losses).mean()),
            validation_log_loss=binary.log_loss(validation.labels, scores),
            validation_roc_auc=binary.roc_auc(validation.labels, scores),
            learning_rate=float(self.engine.get_lr()[0]),
            samples_per_second=steps * batch / seconds,
        )

    def _batches(self, rows: int, batch: int, steps: int) -> Iterator[Tensor]:
        """This rank's share of each batch; every rank draws the same order."""
        order = torch.randperm(rows).to(self.place.device)
        for step in range(steps):
            yield order[step * batch + self.place.rank : (step + 1) * batch : self.place.world]

    def _check_finite(self, losses: Tensor, epoch: int, step: int) -> None:
        if not bool(torch.isfinite(losses).all()):
            raise TrainingDiverged(
                f"the loss became {float(losses[~torch.isfinite(losses)][0])} in epoch {epoch}, by step {step} "
                f"(learning rate {self.options.learning_rate:g})",
                next_step="lower training.learning_rate, or look for absurd numbers; docs/runbook.md#training-diverged",
            )

    def _scores(self, rows: Arrays) -> NDArray[np.float64]:
        self.engine.eval()
        parts = []
        with torch.no_grad():
            for start in range(0, rows.labels.size, EVALUATION_BATCH):
                part = slice(start, start + EVALUATION_BATCH)
                numeric = torch.from_numpy(rows.numeric[part]).to(self.place.device)
                categorical = torch.from_numpy(rows.categorical[part]).to(self.place.device)
                logits = self.engine.module(categorical, self.scaling(numeric).to(self.place.precision))
                parts.append(torch.sigmoid(logits.float()).cpu().numpy())
        return np.concatenate(parts).astype(np.float64)

    def _weights(self) -> dict[str, Tensor]:
        """The full float32 weights, also where the engine keeps them in bf16 or in shards; all ranks take part."""
        from deepspeed.utils import safe_get_full_fp32_param

        weights = {}
        for name, parameter in self.engine.module.named_parameters():
            full = safe_get_full_fp32_param(parameter)
            weights[name] = (parameter if full is None else full).detach().float().cpu().clone()
        return weights

    def _checkpoint(self, epoch: int) -> None:
        state = {
            "fingerprint": self.fingerprint,
            "history": [asdict(one) for one in self.history],
            "best": self.best,
            "best_epoch": self.best_epoch,
        }
        tag = f"epoch-{epoch}"
        self.engine.save_checkpoint(str(self._checkpoints), tag=tag, client_state=state)
        if self.place.rank == 0:  # `latest` names the new one by now
            for old in self._checkpoints.glob("epoch-*"):
                if old.name != tag:
                    shutil.rmtree(old, ignore_errors=True)

    def _resume(self) -> None:
        latest = self._checkpoints / "latest"
        if not latest.exists():
            return
        state = self._peek(self._checkpoints / latest.read_text(encoding="utf-8").strip())
        if state is None or state["fingerprint"] != self.fingerprint:
            return
        self.engine.load_checkpoint(str(self._checkpoints))
        self.history = [Epoch(**one) for one in state["history"]]
        self.best, self.best_epoch = state["best"], state["best_epoch"]

    def _peek(self, folder: Path) -> dict[str, Any] | None:
        """Our own part of a checkpoint, before any of it is loaded; None if it is not whole."""
        try:
            return torch.load(folder / "mp_rank_00_model_states.pt", map_location="cpu", weights_only=True)
        except Exception:
            return None
