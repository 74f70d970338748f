"""One loaded model version: ONNX Runtime session and encoder, checked and warmed before its first request."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from airworthy.errors import AirworthyError
from airworthy.model.encoder import Encoder

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec

INPUTS = {"categorical": "tensor(int64)", "numeric": "tensor(float)"}
OUTPUT = "probability"
WARM_UP_ROWS = (1, 64)
WARM_UP_SECONDS = 10.0


class ModelBroken(AirworthyError):
    """A model version that cannot serve: it does not load, or does not keep the contract of inputs and output."""


@dataclass(frozen=True)
class Model:
    """A version that is ready to answer."""

    version: int
    data_version: str
    encoder: Encoder
    session: ort.InferenceSession
    categorical: tuple[str, ...]
    numeric_of_request: tuple[str, ...]
    numeric_of_views: tuple[str, ...]

    @classmethod
    def load(cls, folder: Path, *, version: int, data_version: str, spec: PipelineSpec) -> Model:
        """Read ``model.onnx`` and ``preprocessing.json``, check their contract and run them once.

        Args:
            folder: holds the two files.
            version: in the registry.
            data_version: Delta version of the features it was trained on; for the prediction log.
            spec: says where each feature comes from.

        Raises:
            ModelBroken: says what is wrong.
        """
        try:
            encoder = Encoder.load(folder)
            session = ort.InferenceSession(folder / "model.onnx", _options(), providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ModelBroken(f"version {version} does not load: {error}", next_step=_NEXT_STEP) from error
        known = {*spec.features.categorical, *spec.features.numeric}
        if unknown := sorted({*encoder.categorical, *encoder.numeric} - known):
            raise ModelBroken(
                f"version {version} needs the features {unknown}, which {spec.name}'s pipeline.yaml does not have",
                next_step="serve it with the pipeline.yaml it was trained with, or train a new version",
            )
        _check_signature(session, version)
        model = cls(
            version,
            data_version,
            encoder,
            session,
            tuple(spec.features.request.categorical),
            tuple(spec.features.request.numeric),
            tuple(name for view in spec.features.views.values() for name in view.features),
        )
        model._warm_up()
        return model

    def predict(
        self, own: Sequence[Mapping[str, Any]], online: NDArray[np.float32], options: ort.RunOptions | None = None
    ) -> NDArray[np.float64]:
        """The probability of each row; NaN where the model's answer is none.

        Args:
            own: the n requests' own features, by name.
            online: view features [n, V] in the spec's order, NaN where missing.
            options: see :class:`Run`.

        Returns:
            [n]; every value is in [0, 1] or NaN.

        Raises:
            Exception: whatever ONNX Runtime or the encoder raise.
        """
        columns: dict[str, Any] = {
            name: [row[name] for row in own] for name in (*self.categorical, *self.numeric_of_request)
        }
        columns |= zip(self.numeric_of_views, online.T, strict=True)
        categorical, numeric = self.encoder.encode(columns)
        (answer,) = self.session.run([OUTPUT], {"categorical": categorical, "numeric": numeric}, options)
        if answer.shape != (len(own),):
            raise ModelBroken(f"version {self.version} answered shape {answer.shape}, expected {(len(own),)}")
        probability = answer.astype(np.float64)
        probability[~((probability >= 0) & (probability <= 1))] = np.nan
        return probability

    def _warm_up(self) -> None:
        run = Run()
        timer = threading.Timer(WARM_UP_SECONDS, setattr, (run.options, "terminate", True))
        timer.start()
        try:
            for rows in WARM_UP_ROWS:
                own = [dict.fromkeys((*self.categorical, *self.numeric_of_request))] * rows
                answer = self.predict(own, np.full((rows, len(self.numeric_of_views)), np.nan, np.float32), run.options)
        except Exception as error:
            raise ModelBroken(f"version {self.version} fails on a first try: {error}", next_step=_NEXT_STEP) from error
        finally:
            timer.cancel()
        if np.isnan(answer).any():
            raise ModelBroken(
                f"version {self.version} answers no probability when every feature is missing", next_step=_NEXT_STEP
            )


class Run:
    """A call of a model that can be ended from another thread.

    Args:
        batch: what it is for.
    """

    def __init__(self, batch: Sequence[object] = ()) -> None:
        self.batch = batch
        self.options = ort.RunOptions()
        self.options.log_severity_level = 4


def stop(run: Run | None, item: object) -> None:
    """End a call that ``item`` has waited for too long; a later one, that ``item`` is not in, goes on."""
    if run is not None and any(each is item for each in run.batch):
        run.options.terminate = True


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    # a small network: more threads only add hand-overs, and take the cores of other requests
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised, and counted; a broken challenger would fill the log
    return options


def _check_signature(session: ort.InferenceSession, version: int) -> None:
    inputs = {value.name: value.type for value in session.get_inputs()}
    outputs = {value.name: value.type for value in session.get_outputs()}
    if inputs != INPUTS or outputs.get(OUTPUT) != "tensor(float)":
        raise ModelBroken(
            f"version {version} has inputs {inputs} and outputs {outputs}, "
            f"expected {INPUTS} and {OUTPUT}: tensor(float)",
            next_step=_NEXT_STEP,
        )


_NEXT_STEP = "roll it back, and look at its artifacts in MLflow; docs/runbook.md#model-refused"
