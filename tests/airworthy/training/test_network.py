"""The network, and its export."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch

from airworthy.training.export import ExportMismatch, check_parity, to_onnx
from airworthy.training.network import Core, Network, Scaling

OPTIONS = SimpleNamespace(embedding_dim=4, hidden=[16, 8], dropout=0.1)


@pytest.fixture
def numeric() -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.normal(50, 10, (500, 4)).astype(np.float32)
    values[::7, 1] = np.nan
    values[:, 2] = np.nan  # never seen
    values[:, 3] = 1  # always the same
    return values


@pytest.fixture
def network(numeric: np.ndarray) -> Network:
    torch.manual_seed(0)
    scaling = Scaling(4).fit(numeric)
    return Network(scaling, Core([3, 5], scaling.outputs, OPTIONS)).eval()  # type: ignore[arg-type]


def answers(network: Network, numeric: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.zeros(len(numeric), 2, dtype=torch.int64), torch.from_numpy(numeric)).numpy()


def test_missing_constant_and_absurd_numbers_give_a_probability(network: Network, numeric: np.ndarray) -> None:
    absurd = np.array([[np.nan] * 4, [1e30] * 4, [-1e30] * 4, [0] * 4], np.float32)
    result = answers(network, np.concatenate([numeric, absurd]))
    assert result.shape == (504,)
    assert np.isfinite(result).all()
    assert ((result >= 0) & (result <= 1)).all()


def test_missing_is_told_apart_from_the_median_it_is_filled_with(network: Network) -> None:
    median = network.scaling.median.numpy()[None]
    missing = median.copy()
    missing[0, 1] = np.nan
    scaled = network.scaling(torch.from_numpy(np.concatenate([median, missing]))).numpy()
    assert np.flatnonzero(scaled[0] != scaled[1]).tolist() == [scaled.shape[1] - 3]


def test_one_broken_sensor_does_not_squeeze_the_other_values(numeric: np.ndarray) -> None:
    sane = Scaling(4).fit(numeric)
    broken = numeric.copy()
    broken[3, 0] = 1e6
    assert float(Scaling(4).fit(broken).std[0]) == pytest.approx(float(sane.std[0]), rel=0.1)


def test_the_onnx_model_answers_the_same_for_any_batch_size(network: Network, numeric: np.ndarray) -> None:
    model = to_onnx(network, np.zeros((500, 2), np.int64), numeric)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for rows in (1, 2, 333):
        inputs = {"categorical": np.zeros((rows, 2), np.int64), "numeric": numeric[:rows]}
        np.testing.assert_allclose(session.run(["probability"], inputs)[0], answers(network, numeric[:rows]), atol=1e-5)


def test_an_export_that_answers_differently_is_refused(network: Network, numeric: np.ndarray) -> None:
    categorical = np.zeros((500, 2), np.int64)
    model = to_onnx(network, categorical, numeric).SerializeToString()
    with pytest.raises(ExportMismatch, match="differ by"):
        check_parity(model, categorical, numeric, answers(network, numeric) + np.float32(1e-3))
    with pytest.raises(ExportMismatch, match="nan"):
        check_parity(model, categorical, numeric, np.full(500, np.nan, np.float32))
