"""A model that answers: its ONNX Runtime session, and with its encoder from named columns to answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from airworthy.errors import AirworthyError
from airworthy.model.bundle import CATEGORICAL, MODEL_FILE, NUMERIC
from airworthy.model.encoder import Encoder

if TYPE_CHECKING:
    from airworthy.model.kinds.base import Kind


class ModelBroken(AirworthyError):
    """A model that does not load, or does not keep the contract of its files."""


class Call:
    """A call of a model that can be ended from another thread.

    Args:
        batch: what it is for.
    """

    def __init__(self, batch: Sequence[object] = ()) -> None:
        self.batch = batch
        self.options = ort.RunOptions()
        self.options.log_severity_level = 4

    def end(self) -> None:
        """Let the model stop where it is; whoever waits for the call gets an error."""
        self.options.terminate = True

    def end_for(self, item: object) -> None:
        """End it because ``item`` has waited for too long; a call that ``item`` is not in goes on."""
        if any(each is item for each in self.batch):
            self.end()


@dataclass(frozen=True)
class Tensor:
    """What a graph declares of an input or output.

    Attributes:
        type: e.g. ``tensor(float)``.
        shape: a number per dimension, or a name or None where it is open.
    """

    type: str
    shape: tuple[int | str | None, ...]


class Session:
    """An ONNX graph in ONNX Runtime: arrays in, one array out.

    Args:
        model: the file, or its content.
        output: name of the tensor to ask for.

    Raises:
        ModelBroken: ONNX Runtime does not take it.
        OSError: the file cannot be read.
    """

    def __init__(self, model: Path | bytes, output: str) -> None:
        # by its content: a message that named a temporary folder would stand in the ledger
        content = model.read_bytes() if isinstance(model, Path) else model
        try:
            self._runtime = ort.InferenceSession(content, _options(), providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelBroken(f"ONNX Runtime does not take it: {str(error)[:300]}") from error
        self.output = output

    @property
    def inputs(self) -> dict[str, Tensor]:
        """The graph's inputs by name."""
        return {each.name: Tensor(each.type, tuple(each.shape)) for each in self._runtime.get_inputs()}

    @property
    def outputs(self) -> dict[str, Tensor]:
        """The graph's outputs by name."""
        return {each.name: Tensor(each.type, tuple(each.shape)) for each in self._runtime.get_outputs()}

    def run(
        self, categorical: NDArray[np.int64], numeric: NDArray[np.float32], call: Call | None = None
    ) -> NDArray[np.float32]:
        """The raw answers to n rows.

        Args:
            categorical: codes [n, C].
            numeric: [n, F], NaN where missing.
            call: by which another thread can end it.

        Returns:
            [n], as the graph gives them: not yet known to be sound.

        Raises:
            ModelBroken: the answers are not [n].
            Exception: whatever ONNX Runtime raises.
        """
        options = call.options if call is not None else None
        (answers,) = self._runtime.run([self.output], {CATEGORICAL: categorical, NUMERIC: numeric}, options)
        if answers.shape != (len(numeric),):
            raise ModelBroken(f"{self.output} has shape {answers.shape}, expected {(len(numeric),)}")
        raw: NDArray[np.float32] = answers
        return raw


@dataclass(frozen=True)
class Model:
    """Encoder and session of one model."""

    kind: Kind
    encoder: Encoder
    session: Session

    @classmethod
    def load(cls, folder: Path, kind: Kind) -> Model:
        """Read the two files of `airworthy.model.bundle`; whether they keep the contract is `contract.check`'s.

        Raises:
            EncodingError: ``preprocessing.json`` is damaged.
            ModelBroken: ONNX Runtime does not take ``model.onnx``.
            OSError: a file cannot be read.
        """
        return cls(kind, Encoder.load(folder), Session(folder / MODEL_FILE, kind.output))

    def answers(
        self, columns: Mapping[str, Sequence[Any]], *, batch_rows: int | None = None, call: Call | None = None
    ) -> NDArray[np.float64]:
        """The answer to each of n rows; NaN where the model gives none that its kind can give.

        Args:
            columns: as `Encoder.encode` takes them.
            batch_rows: ask for so many rows at a time; None asks for all at once.
            call: by which another thread can end it.

        Returns:
            [n].

        Raises:
            EncodingError: a feature has no column.
            Exception: whatever ONNX Runtime raises.
        """
        categorical, numeric = self.encoder.encode(columns)
        if batch_rows is None or len(numeric) <= batch_rows:
            raw = self.session.run(categorical, numeric, call)
        else:
            parts = [slice(at, at + batch_rows) for at in range(0, len(numeric), batch_rows)]
            raw = np.concatenate([self.session.run(categorical[part], numeric[part], call) for part in parts])
        answers = raw.astype(np.float64)
        answers[~self.kind.sound(answers)] = np.nan
        return answers


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    # a small network: more threads only add hand-overs, and take the cores of other requests
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised, and counted; a broken challenger would fill the log
    return options
