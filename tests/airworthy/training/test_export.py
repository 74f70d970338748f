"""The exported model answers what the network answers."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from networks import answers

from airworthy.model import kinds
from airworthy.training.export import ExportMismatch, check_parity, to_onnx
from airworthy.training.network import Network

KIND = kinds.named("binary")


def test_the_onnx_model_answers_the_same_for_any_batch_size(network: Network, numeric: np.ndarray) -> None:
    model = to_onnx(network, np.zeros((500, 2), np.int64), numeric, KIND)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for rows in (1, 2, 333):
        inputs = {"categorical": np.zeros((rows, 2), np.int64), "numeric": numeric[:rows]}
        np.testing.assert_allclose(session.run([KIND.output], inputs)[0], answers(network, numeric[:rows]), atol=1e-5)


def test_an_export_that_answers_differently_is_refused(network: Network, numeric: np.ndarray) -> None:
    categorical = np.zeros((500, 2), np.int64)
    model = to_onnx(network, categorical, numeric, KIND).SerializeToString()
    with pytest.raises(ExportMismatch, match="differ by"):
        check_parity(model, categorical, numeric, answers(network, numeric) + np.float32(1e-3), KIND)
    with pytest.raises(ExportMismatch, match="nan"):
        check_parity(model, categorical, numeric, np.full(500, np.nan, np.float32), KIND)
