"""A small network and numbers to ask it: some missing, one never seen, one always the same."""

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
    """[500, 4]."""
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
