"""The same content gives the same digest on every machine."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.canonical import canonical_json, sha256

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def test_keys_are_sorted_spaces_left_out_and_letters_as_they_are() -> None:
    assert canonical_json({"b": [1, 2.5, None, True], "a": "naïve 東"}) == '{"a":"naïve 東","b":[1,2.5,null,true]}'


@given(JSON)
def test_it_is_json_and_the_order_of_keys_does_not_matter(value: object) -> None:
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text
    if isinstance(value, dict):
        assert canonical_json(dict(reversed(value.items()))) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_what_json_has_no_word_for_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json(value)


def test_anything_that_is_not_json_is_refused() -> None:
    with pytest.raises(TypeError):
        canonical_json({"a": {1, 2}})


def test_the_digest_is_of_the_text_in_utf_8() -> None:
    assert sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256("東") == hashlib.sha256("東".encode()).hexdigest()
