"""One process's place among those that train a model; that several meet is tested in test_end_to_end.py."""

from __future__ import annotations

import torch

from airworthy.training.process_group import Rank


def test_bf16_is_for_accelerators_and_the_first_rank_writes() -> None:
    assert Rank(0, 2, torch.device("cpu")).precision is torch.float32
    assert Rank(1, 2, torch.device("cuda", 1)).precision is torch.bfloat16
    assert [Rank(i, 2, torch.device("cpu")).is_first for i in (0, 1)] == [True, False]
