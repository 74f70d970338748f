"""The frozen bins of the training data."""

from __future__ import annotations

import numpy as np

from airworthy.model.reference import describe


def test_reference_counts_every_row_once() -> None:
    rng = np.random.default_rng(0)
    columns = {"wind": np.r_[rng.integers(0, 4, 990), [np.nan] * 10], "carrier": ["A"] * 700 + [None] * 300}
    document = describe(columns, ("carrier",), ("wind",))
    wind = document["numeric"]["wind"]
    assert wind["edges"] == [0, 1, 2, 3]
    assert wind["counts"] == [int((columns["wind"] == v).sum()) for v in range(4)] + [0]
    assert wind["missing"] == 10
    assert document["categorical"]["carrier"] == {"counts": {"A": 700}, "missing": 300}
