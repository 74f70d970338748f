"""The training loop: DeepSpeed's engine, one checkpoint for each epoch, the best epoch's weights."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import deepspeed  # noqa: TID253 - this module is imported in training processes only
import numpy as np
import torch  # noqa: TID253
from numpy.typing import NDArray
from torch import Tensor  # noqa: TID253

from airworthy.errors import AirworthyError

if TYPE_CHECKING:
    from airworthy.model.kinds.base import Kind
    from airworthy.spec.training import Training
    from airworthy.training.dataset import EncodedRows
    from airworthy.training.network import Core, Scaling
    from airworthy.training.process_group import Rank

WARM_UP = 0.2  # share of the steps in which the learning rate rises
WEIGHT_DECAY = 0.01
CHECK_EVERY = 50  # steps; looking at a loss waits for the device
EVALUATION_BATCH = 8192


class TrainingDiverged(AirworthyError):
    """The loss is no number any more."""


@dataclass(frozen=True)
class EpochResult:
    """One pass over the training rows.

    Attributes:
        train_loss: mean of the kind's loss.
        validation: the kind's headline metrics by name; None where one is not defined.
    """

    epoch: int
    train_loss: float
    validation: dict[str, float | None]
    learning_rate: float
    samples_per_second: float

    @property
    def metrics(self) -> dict[str, float | None]:
        """As MLflow has them."""
        return {
            "train_loss": self.train_loss,
            **{f"validation_{name}": value for name, value in self.validation.items()},
            "learning_rate": self.learning_rate,
            "samples_per_second": self.samples_per_second,
        }


@dataclass(frozen=True)
class Checkpoints:
    """Where a training keeps its epochs.

    Attributes:
        folder: every rank writes its shard there.
        fingerprint: of everything the result depends on; a checkpoint of another one is thrown away.
    """

    folder: Path
    fingerprint: str


class Trainer:
    """Trains one network; a new `Trainer` with the same checkpoints goes on after the last whole epoch.

    Given the same rows, options and number of processes, the result is the same, interrupted or not: the order of
    rows and the dropout of an epoch depend on seed and epoch only.

    Args:
        kind: loss and metrics.
        options: the spec's training section.
        scaling: fitted on the training rows; it is not trained.
        core: what is trained.
        rank: this process among those that train it.
        checkpoints: where epochs are kept.
    """

    def __init__(
        self, *, kind: Kind, options: Training, scaling: Scaling, core: Core, rank: Rank, checkpoints: Checkpoints
    ) -> None:
        self.kind = kind
        self.options = options
        self.rank = rank
        self.scaling = scaling.to(rank.device)
        self.core = core
        self.checkpoints = checkpoints
        self.history: list[EpochResult] = []
        self.best: dict[str, Tensor] = {}
        self.best_epoch = -1

    def fit(
        self, train: EncodedRows, validation: EncodedRows, on_epoch: Callable[[Sequence[EpochResult]], None]
    ) -> dict[str, Tensor]:
        """Train all epochs that are missing and return the weights of the best, by the kind's selecting metric.

        Args:
            on_epoch: called with all epochs so far after each one's checkpoint, on every rank.

        Raises:
            TrainingDiverged: the loss became NaN or infinite.
        """
        batch = min(self.options.batch_size, train.labels.size) // self.rank.world_size * self.rank.world_size
        steps = train.labels.size // batch
        self._start_engine(batch, steps * self.options.epochs)
        self._resume()
        data = tuple(torch.from_numpy(array).to(self.rank.device) for array in train)
        for epoch in range(len(self.history), self.options.epochs):
            result = self._epoch(epoch, data, validation, batch, steps)
            self.history.append(result)
            if self.best_epoch < 0 or self._is_better(result, self.history[self.best_epoch]):
                self.best, self.best_epoch = self._weights(), epoch
            self._checkpoint(epoch)
            on_epoch(self.history)
        return self.best

    def _is_better(self, result: EpochResult, best: EpochResult) -> bool:
        value, against = (one.validation[self.kind.selects] for one in (result, best))
        if value is None or against is None:
            return value is not None
        return self.kind.metrics[self.kind.selects].gain(value, against) > 0

    def _start_engine(self, batch: int, total_steps: int) -> None:
        torch.manual_seed(self.options.seed)
        self.engine, *_ = deepspeed.initialize(
            model=self.core,
            model_parameters=list(self.core.parameters()),
            lr_scheduler=lambda optimizer: torch.optim.lr_scheduler.OneCycleLR(
                optimizer, max_lr=self.options.learning_rate, total_steps=total_steps + 1, pct_start=WARM_UP
            ),
            config={
                "train_micro_batch_size_per_gpu": batch // self.rank.world_size,
                "gradient_accumulation_steps": 1,
                "gradient_clipping": 1.0,
                "optimizer": {
                    "type": "AdamW",
                    # torch's own: DeepSpeed's fused ones are compiled at run time and need a compiler in the image
                    "params": {"lr": self.options.learning_rate, "weight_decay": WEIGHT_DECAY, "torch_adam": True},
                },
                "zero_optimization": {"stage": self.options.zero_stage},
                "bf16": {"enabled": self.rank.precision is torch.bfloat16},
                "steps_per_print": 10**9,
            },
        )

    def _epoch(
        self, epoch: int, data: tuple[Tensor, ...], validation: EncodedRows, batch: int, steps: int
    ) -> EpochResult:
        began = time.monotonic()
        torch.manual_seed(self.options.seed * 100_003 + epoch)
        self.engine.train()
        losses: list[Tensor] = []
        for rows in self._batches(data[2].numel(), batch, steps):
            categorical, numeric, labels = (part[rows] for part in data)
            with torch.no_grad():
                scaled = self.scaling(numeric).to(self.rank.precision)
            loss = self.kind.loss(self.engine(categorical, scaled).float(), labels)
            self.engine.backward(loss)
            self.engine.step()
            losses.append(loss.detach())
            if len(losses) % CHECK_EVERY == 0 or len(losses) == steps:
                self._check_finite(torch.stack(losses[-CHECK_EVERY:]), epoch, len(losses))
        seconds = time.monotonic() - began
        figures = self.kind.measure(validation.labels, self._answers(validation))
        return EpochResult(
            epoch=epoch,
            train_loss=float(torch.stack(losses).mean()),
            validation=figures.only(self.kind.headline).values,
            learning_rate=float(self.engine.get_lr()[0]),
            samples_per_second=steps * batch / seconds,
        )

    def _batches(self, rows: int, batch: int, steps: int) -> Iterator[Tensor]:
        """This rank's share of each batch; every rank draws the same order."""
        order = torch.randperm(rows).to(self.rank.device)
        for step in range(steps):
            yield order[step * batch + self.rank.index : (step + 1) * batch : self.rank.world_size]

    def _check_finite(self, losses: Tensor, epoch: int, step: int) -> None:
        if not bool(torch.isfinite(losses).all()):
            raise TrainingDiverged(
                f"the loss became {float(losses[~torch.isfinite(losses)][0])} in epoch {epoch}, by step {step} "
                f"(learning rate {self.options.learning_rate:g})",
                next_step="lower training.learning_rate, or look for absurd numbers; docs/runbook.md#training-diverged",
            )

    def _answers(self, rows: EncodedRows) -> NDArray[np.float64]:
        self.engine.eval()
        parts = []
        with torch.no_grad():
            for start in range(0, rows.labels.size, EVALUATION_BATCH):
                part = slice(start, start + EVALUATION_BATCH)
                numeric = torch.from_numpy(rows.numeric[part]).to(self.rank.device)
                categorical = torch.from_numpy(rows.categorical[part]).to(self.rank.device)
                outputs = self.engine.module(categorical, self.scaling(numeric).to(self.rank.precision))
                parts.append(self.kind.activate(outputs.float()).cpu().numpy())
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
            "fingerprint": self.checkpoints.fingerprint,
            "history": [asdict(one) for one in self.history],
            "best": self.best,
            "best_epoch": self.best_epoch,
        }
        tag = f"epoch-{epoch}"
        self.engine.save_checkpoint(str(self.checkpoints.folder), tag=tag, client_state=state)
        if self.rank.is_first:  # `latest` names the new one by now
            for old in self.checkpoints.folder.glob("epoch-*"):
                if old.name != tag:
                    shutil.rmtree(old, ignore_errors=True)

    def _resume(self) -> None:
        latest = self.checkpoints.folder / "latest"
        if not latest.exists():
            return
        state = self._peek(self.checkpoints.folder / latest.read_text(encoding="utf-8").strip())
        if state is None or state["fingerprint"] != self.checkpoints.fingerprint:
            return
        self.engine.load_checkpoint(str(self.checkpoints.folder))
        self.history = [EpochResult(**one) for one in state["history"]]
        self.best, self.best_epoch = state["best"], state["best_epoch"]

    def _peek(self, folder: Path) -> dict[str, Any] | None:
        """Our own part of a checkpoint, before any of it is loaded; None if it is not whole."""
        try:
            return torch.load(folder / "mp_rank_00_model_states.pt", map_location="cpu", weights_only=True)
        except Exception:
            return None
