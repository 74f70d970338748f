"""The network: any number makes an answer, and missing ones are told apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from networks import answers

from airworthy.training.network import Network, Scaling


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
