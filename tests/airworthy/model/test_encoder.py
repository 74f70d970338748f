"""From columns to arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.model.encoder import Encoder, EncodingError
from airworthy.spec.pipeline import PipelineSpec

ENCODER = Encoder({"carrier": ("AA", "UA"), "origin": ("JFK",)}, ("wind", "distance"))


def test_codes_follow_the_vocabulary_and_0_is_missing_or_new() -> None:
    categorical, numeric = ENCODER.encode(
        {
            "carrier": ["UA", None, "ZZ"],
            "origin": ["JFK", "JFK", "jfk"],
            "wind": [1, None, math.inf],
            "distance": [2] * 3,
        }
    )
    assert categorical.tolist() == [[2, 1], [0, 1], [0, 0]]
    assert categorical.dtype == np.int64
    assert numeric.dtype == np.float32
    np.testing.assert_array_equal(numeric, np.array([[1, 2], [np.nan, 2], [np.nan, 2]], np.float32))


def test_rare_categories_are_left_out_so_that_unknown_is_trained(small_spec: Callable[..., PipelineSpec]) -> None:
    encoder = Encoder.fit(small_spec(), {"carrier": ["A"] * 30 + ["B"] * 19 + [None] * 50, "origin": ["X"] * 99})
    assert encoder.vocabularies == {"carrier": ("A",), "origin": ("X",)}
    assert encoder.cardinalities == (2, 2)
    assert encoder.numeric == ("minute", "wind", "never")


def test_a_missing_column_is_named() -> None:
    with pytest.raises(EncodingError, match=r"\['wind'\]"):
        ENCODER.encode({"carrier": [], "origin": [], "distance": []})


def test_a_file_of_another_format_is_refused() -> None:
    with pytest.raises(EncodingError, match="format 99"):
        Encoder.from_json('{"format": 99}')


_values = st.one_of(st.none(), st.text(max_size=4))


@given(st.lists(st.tuples(_values, _values, st.one_of(st.none(), st.floats()), st.floats()), min_size=1, max_size=20))
def test_any_input_gives_codes_in_range_and_no_infinity_and_survives_json(rows: list[tuple[object, ...]]) -> None:
    columns = dict(zip(["carrier", "origin", "wind", "distance"], map(list, zip(*rows, strict=True)), strict=True))
    categorical, numeric = ENCODER.encode(columns)
    assert categorical.shape == (len(rows), 2)
    assert (categorical >= 0).all()
    assert (categorical < np.array(ENCODER.cardinalities)).all()
    assert not np.isinf(numeric).any()
    again = Encoder.from_json(ENCODER.to_json()).encode(columns)
    np.testing.assert_array_equal(again[0], categorical)
    np.testing.assert_array_equal(again[1], numeric)


def test_it_is_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "preprocessing.json").write_text(ENCODER.to_json(), encoding="utf-8")
    assert Encoder.load(tmp_path) == ENCODER == Encoder.load(tmp_path / "preprocessing.json")
