"""What every version of a model keeps: one check, for the release before a canary and for serving before a request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airworthy.errors import AirworthyError
from airworthy.model import kinds
from airworthy.model.bundle import CATEGORICAL, FILES, INPUT_TYPES, MODEL_FILE, NUMERIC, OUTPUT_TYPE
from airworthy.model.encoder import Encoder
from airworthy.model.session import Call, Model, ModelBroken, Session

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec

#: The sample rows must be answered by then, so that a model that hangs is found and ended.
SECONDS = 10.0
#: A row's answer may differ by this much, of 1 or of itself, with the rows beside it: float32 adds up in another order.
TOLERANCE = 1e-4
SAMPLE_ROWS = 32


@dataclass(frozen=True)
class Condition:
    """One condition of the contract: whether it holds, and what was seen."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class ContractReport:
    """Every condition up to the first that does not hold, which later ones need.

    Attributes:
        model: ready to answer, its session warm; None unless every condition holds.
    """

    conditions: tuple[Condition, ...]
    model: Model | None = None

    @property
    def problem(self) -> str:
        """The condition that does not hold, and why; empty if all hold."""
        return "; ".join(f"{each.name}: {each.reason}" for each in self.conditions if not each.passed)


def check(folder: Path, spec: PipelineSpec, *, seconds: float = SECONDS) -> ContractReport:
    """Load the model in ``folder`` and see whether it keeps the contract; the same files give the same outcome.

    - ``files``: ``model.onnx`` and ``preprocessing.json`` are there.
    - ``encoder``: ``preprocessing.json`` can be read, and names features that the spec has, each as what it is there
      (a model may know fewer: an older one goes on serving after the spec has grown).
    - ``loads``: ONNX Runtime takes the graph.
    - ``inputs``: exactly int64 [n, C] and float32 [n, F], as wide as the encoder.
    - ``output``: exactly the kind's, float32.
    - ``answers``: to sample rows, also those of which nothing is known, of numbers out of any range and of every
      category's last code, it gives answers that the kind can give.
    - ``alone``: each row's answer is the same alone and among others.

    How fast it answers depends on the machine, not on the files: the release asks that on top.

    Args:
        folder: holds the two files.
        spec: its features and its kind of task.
        seconds: time limit of the sample rows, once together and once one by one.
    """
    inspection = _Inspection(folder, spec, seconds)
    steps: tuple[Callable[[], str], ...] = (
        inspection.files, inspection.encoder, inspection.loads, inspection.inputs, inspection.output,
        inspection.answers, inspection.alone,
    )  # fmt: skip
    conditions: list[Condition] = []
    for step in steps:
        try:
            conditions.append(Condition(step.__name__, True, step()))
        except Exception as error:  # whatever a damaged file makes a library raise
            conditions.append(Condition(step.__name__, False, _reason(error)))
            return ContractReport(tuple(conditions))
    return ContractReport(tuple(conditions), inspection.model)


def sample(spec: PipelineSpec, encoder: Encoder, rows: int = SAMPLE_ROWS) -> dict[str, Any]:
    """Columns of rows at which a graph breaks, then of ordinary ones; the same rows every time.

    Numbers: all missing, all 0, all 1e6, all -1e6, then normally distributed. Categories: missing, never seen, the
    encoder's first, its last, then any of them.

    Args:
        rows: number of rows, at least four.

    Returns:
        By feature name, as `Encoder.encode` takes them.
    """
    chance = np.random.default_rng(0)
    columns: dict[str, Any] = {}
    for name in spec.features.numeric:
        columns[name] = np.concatenate([[np.nan, 0.0, 1e6, -1e6], chance.normal(0, 100, rows - 4)])
    for name in spec.features.categorical:
        known: tuple[str | None, ...] = encoder.vocabularies.get(name) or (None,)
        others = [known[i] for i in chance.integers(0, len(known), rows - 4)]
        columns[name] = [None, "(never seen)", known[0], known[-1], *others]
    return columns


class _Inspection:
    """The conditions in their order; each method gives its reason for yes, or raises one for no."""

    def __init__(self, folder: Path, spec: PipelineSpec, seconds: float) -> None:
        self._folder = folder
        self._spec = spec
        self._kind = kinds.of(spec)
        self._seconds = seconds
        self._encoder: Encoder
        self._session: Session
        self._sample: tuple[NDArray[np.int64], NDArray[np.float32]]
        self._answers: NDArray[np.float32]

    @property
    def model(self) -> Model:
        return Model(self._kind, self._encoder, self._session)

    def files(self) -> str:
        if missing := [name for name in FILES if not (self._folder / name).is_file()]:
            raise ModelBroken(f"missing: {', '.join(missing)}")
        return "complete"

    def encoder(self) -> str:
        self._encoder = Encoder.load(self._folder)
        spec = self._spec.features
        for what, found, known in (
            ("categorical", self._encoder.categorical, spec.categorical),
            ("numeric", self._encoder.numeric, spec.numeric),
        ):
            if unknown := sorted({*found} - {*known}):
                raise ModelBroken(
                    f"it needs the {what} features {unknown}, which {self._spec.name}'s pipeline.yaml does not have"
                )
        return f"{len(self._encoder.categorical)} categorical and {len(self._encoder.numeric)} numeric features"

    def loads(self) -> str:
        self._session = Session(self._folder / MODEL_FILE, self._kind.output)
        return "ONNX Runtime takes it"

    def inputs(self) -> str:
        widths = {CATEGORICAL: len(self._encoder.categorical), NUMERIC: len(self._encoder.numeric)}
        found = {name: (tensor.type, tensor.shape) for name, tensor in self._session.inputs.items()}
        wanted = {name: (kind, ("n", widths[name])) for name, kind in INPUT_TYPES.items()}
        fits = {*found} == {*wanted} and all(
            found[name][0] == kind and _fits(found[name][1], widths[name]) for name, kind in INPUT_TYPES.items()
        )
        if not fits:
            raise ModelBroken(f"wanted {wanted}, found {found}")
        return "as wide as the encoder"

    def output(self) -> str:
        found = {name: tensor.type for name, tensor in self._session.outputs.items()}
        if found != (wanted := {self._kind.output: OUTPUT_TYPE}):
            raise ModelBroken(f"wanted {wanted}, found {found}")
        return f"{self._kind.output}, {OUTPUT_TYPE}"

    def answers(self) -> str:
        self._sample = self._encoder.encode(sample(self._spec, self._encoder))
        self._answers = self._within_time(lambda call: self._session.run(*self._sample, call))
        if (unsound := self._answers[~self._kind.sound(self._answers)]).size:
            raise ModelBroken(
                f"{unsound.size} of {SAMPLE_ROWS} sample rows got no {self._kind.output}, "
                f"found {', '.join(f'{value:g}' for value in unsound[:3])}"
            )
        return f"{SAMPLE_ROWS} sample rows, also with nothing known"

    def alone(self) -> str:
        categorical, numeric = self._sample

        def one_by_one(call: Call) -> NDArray[np.float32]:
            rows = [slice(i, i + 1) for i in range(SAMPLE_ROWS)]
            return np.concatenate([self._session.run(categorical[row], numeric[row], call) for row in rows])

        alone = self._within_time(one_by_one)
        difference = np.abs(self._answers - alone)
        if not (difference <= TOLERANCE * np.maximum(1, np.abs(alone))).all():  # also when it is NaN
            raise ModelBroken(f"a row's answer changes by {difference.max():.2g} with the rows beside it")
        return "no row's answer depends on the rows beside it"

    def _within_time(self, ask: Callable[[Call], NDArray[np.float32]]) -> NDArray[np.float32]:
        call = Call()
        timer = threading.Timer(self._seconds, call.end)
        timer.start()
        try:
            return ask(call)
        except ModelBroken:
            raise
        except Exception as error:
            if call.options.terminate:
                raise ModelBroken(f"no answer to {SAMPLE_ROWS} rows within {self._seconds:g} s") from error
            raise
        finally:
            timer.cancel()


def _fits(shape: tuple[int | str | None, ...], width: int) -> bool:
    # a width that the exporter left open is a name or None; the answers show whether it fits
    return len(shape) == 2 and (shape[1] == width or not isinstance(shape[1], int)) and not isinstance(shape[0], int)


def _reason(error: Exception) -> str:
    if isinstance(error, AirworthyError):
        return error.message
    return f"{type(error).__name__}: {str(error)[:300]}"
