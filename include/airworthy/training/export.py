"""From the trained network to one ONNX file that gives the same answers."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from airworthy.errors import AirworthyError
from airworthy.model.bundle import CATEGORICAL, MODEL_FILE, NUMERIC, OPSET
from airworthy.model.session import Session

if TYPE_CHECKING:
    from onnx import ModelProto

    from airworthy.model.kinds.base import Kind
    from airworthy.training.network import Network

TOLERANCE = 1e-5


class ExportMismatch(AirworthyError):
    """The exported model does not answer as the trained one."""


def to_onnx(network: Network, categorical: NDArray[np.int64], numeric: NDArray[np.float32], kind: Kind) -> ModelProto:
    """Export with a free batch size, and compare with the network on the given rows.

    Raises:
        ExportMismatch: an answer differs by more than 1e-5, or is not finite.
    """
    import onnx
    import torch

    network = network.eval().float().cpu()
    # one row with everything missing: tracing must not depend on the values
    numeric = np.concatenate([numeric, np.full((1, numeric.shape[1]), np.nan, np.float32)])
    categorical = np.concatenate([categorical, np.zeros((1, categorical.shape[1]), np.int64)])
    inputs = (torch.from_numpy(categorical), torch.from_numpy(numeric))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        path = Path(folder) / MODEL_FILE
        warnings.simplefilter("ignore", DeprecationWarning)
        # the newer exporter (dynamo=True) gives the same graph and takes 9 s instead of 0.3 s for it
        torch.onnx.export(
            network,
            inputs,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[CATEGORICAL, NUMERIC],
            output_names=[kind.output],
            dynamic_axes={name: {0: "n"} for name in (CATEGORICAL, NUMERIC, kind.output)},
        )
        expected = network(*inputs).numpy()
        model = path.read_bytes()
    check_parity(model, categorical, numeric, expected, kind)
    return onnx.load_from_string(model)


def check_parity(
    model: bytes,
    categorical: NDArray[np.int64],
    numeric: NDArray[np.float32],
    expected: NDArray[np.float32],
    kind: Kind,
) -> None:
    """Does the ONNX model answer ``expected``, alone and in a batch?

    Raises:
        ExportMismatch: it does not, within 1e-5.
        ModelBroken: it does not load, or does not answer [n].
    """
    session = Session(model, kind.output)
    for rows in (slice(None), slice(0, 1)):
        got = session.run(categorical[rows], numeric[rows])
        worst = float(np.max(np.abs(got - expected[rows])))
        if not worst <= TOLERANCE:  # also when it is NaN
            raise ExportMismatch(
                f"ONNX and PyTorch differ by {worst:g} on {got.shape[0]} rows, at most {TOLERANCE:g} allowed",
                next_step="look for an operation in training/network.py that the exporter does not know",
            )
