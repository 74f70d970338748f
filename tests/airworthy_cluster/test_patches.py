"""Patches."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from airworthy_cluster import patches


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=8,
    ),
    st.dictionaries(
        st.sampled_from("abc"), st.none() | st.integers() | st.dictionaries(st.sampled_from("abc"), st.integers())
    ),
)
def test_merging_a_patch_again_changes_nothing(target: Any, patch: dict[str, Any]) -> None:
    once = patches.merged(target, patch)
    assert patches.merged(once, patch) == once
    assert all(key not in once for key, value in patch.items() if value is None)
