"""What a kind of task is: the one place that says what is predicted, and how well."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from airworthy.spec.tasks import METRICS, Metric, Task

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.floating[Any]]


def _finite(value: object) -> object:
    # a metric may not be defined for some rows; JSON has no NaN
    return None if isinstance(value, float) and not math.isfinite(value) else value


Figure = Annotated[float | None, BeforeValidator(_finite)]


class Frozen(BaseModel):
    """A document that takes no unknown keys and does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Figures(Frozen):
    """How well one model does on some rows.

    Attributes:
        rows: number of rows.
        values: by name of the kind's metrics; None where a metric is not defined for these rows.
    """

    rows: int = Field(ge=0)
    values: dict[str, Figure] = {}

    def __getitem__(self, metric: str) -> float | None:
        """The value of a metric; None also where it was not measured."""
        return self.values.get(metric)

    def only(self, metrics: Sequence[str]) -> Figures:
        """The same without all others."""
        return Figures(rows=self.rows, values={name: self[name] for name in metrics})


class Difference(Frozen):
    """Candidate minus other on the same rows, with its 95 % interval; all None where it is not defined.

    Attributes:
        metric: the kind's `Kind.compares`.
    """

    metric: str
    value: Figure = None
    low: Figure = None
    high: Figure = None


class Kind(ABC):
    """A kind of task. Everything that depends on what is predicted asks the kind; nothing else names its figures.

    Attributes:
        name: as `task` in pipeline.yaml.
        output: what the model answers: the name of the ONNX output tensor, of the field in a prediction's answer, and
            of the prediction log's column.
        answer_range: lowest and highest answer, both allowed.
        headline: the metrics that people are shown first; `selects` and `compares` are among them.
        selects: the metric that chooses among a training's epochs, and that must gain over always answering the
            average; the loss that is trained, or what comes closest to it.
        compares: the metric by which two models and the slices are compared.
        min_slice_rows: smaller slices are shown and not judged.
        lightgbm: LightGBM's objective and what belongs to it.
    """

    name: ClassVar[Task]
    output: ClassVar[str]
    answer_range: ClassVar[tuple[float, float]]
    headline: ClassVar[tuple[str, ...]]
    selects: ClassVar[str]
    compares: ClassVar[str]
    min_slice_rows: ClassVar[int]
    lightgbm: ClassVar[Mapping[str, Any]]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Every metric by name, in the order in which people are shown them."""
        return METRICS[self.name]

    def sound(self, answers: Floats) -> NDArray[np.bool_]:
        """Which answers are ones that this kind can give; NaN and infinity never are.

        Args:
            answers: [n].

        Returns:
            [n].
        """
        low, high = self.answer_range
        sound: NDArray[np.bool_] = np.isfinite(answers) & (answers >= low) & (answers <= high)
        return sound

    @abstractmethod
    def target_problem(self, values: Sequence[Any]) -> str:
        """Why rows with these labels can neither be trained on nor judge a model; empty if they can.

        Args:
            values: the distinct labels, sorted.

        Returns:
            What was found and what is expected, to follow "the label is".
        """

    @abstractmethod
    def average(self, labels: Floats) -> float:
        """What the always-average model answers that knows these labels [n] and nothing else."""

    @abstractmethod
    def activate(self, outputs: Tensor) -> Tensor:
        """From the network's last layer [n] to answers [n]; exported with the network."""

    @abstractmethod
    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """What training makes small: the mean over rows, of the network's last layer [n] and labels [n]."""

    @abstractmethod
    def measure(self, labels: Floats, answers: Floats) -> Figures:
        """Every metric of a model's answers [n] to rows with these labels [n]."""

    @abstractmethod
    def difference(self, labels: Floats, candidate: Floats, other: Floats) -> Difference:
        """How much more the candidate's answers get than the other's in the metric `compares`; each [n]."""

    @abstractmethod
    def doubts(self, labels: Floats, answers: Floats) -> tuple[str, ...]:
        """What makes a person look twice although no gate says so, in sentences; of answers [n] and labels [n]."""

    @abstractmethod
    def draw(self, labels: Floats, answers: Mapping[str, Floats], folder: Path) -> None:
        """Write pictures (PNG) of several models' answers, each [n], to the same rows into ``folder``."""
