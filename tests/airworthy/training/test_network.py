"""The network: any number makes an answer, and missing ones are told apart."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from airworthy.model import kinds
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
    core = Core([3, 5], scaling.outputs, OPTIONS)  # type: ignore[arg-type]
    return Network(scaling, core, kinds.named("binary")).eval()


def answers(network: Network, numeric: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return network(torch.zeros(len(numeric), 2, dtype=torch.int64), torch.from_numpy(numeric)).numpy()


def test_missing_constant_and_absurd_numbers_give_a_sound_answer(network: Network, numeric: np.ndarray) -> None:
    absurd = np.array([[np.nan] * 4, [1e30] * 4, [-1e30] * 4, [0] * 4], np.float32)
    result = answers(network, np.concatenate([numeric, absurd]))
    assert result.shape == (504,)
    assert network.kind.sound(result).all()


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
