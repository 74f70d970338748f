"""The split is sticky, has the asked-for size, and is dealt anew for every release."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.traffic.split import sampled, variant

keys = st.text(max_size=50)
releases = st.text(min_size=1, max_size=30)


def share(release: str, percent: float, count: int = 20_000) -> float:
    return sum(variant(f"key-{i}", release, percent) == "challenger" for i in range(count)) / count * 100


@given(key=keys, release=releases, percent=st.floats(0, 100))
def test_a_key_meets_the_same_variant_every_time(key: str, release: str, percent: float) -> None:
    assert variant(key, release, percent) == variant(key, release, percent)


@given(key=keys, release=releases, low=st.floats(0, 100), high=st.floats(0, 100))
def test_raising_the_share_keeps_those_who_meet_the_challenger(key: str, release: str, low: float, high: float) -> None:
    low, high = sorted((low, high))
    if variant(key, release, low) == "challenger":
        assert variant(key, release, high) == "challenger"


@given(key=keys, release=releases)
def test_nobody_at_0_percent_everybody_at_100(key: str, release: str) -> None:
    assert variant(key, release, 0) == "champion"
    assert variant(key, release, 100) == "challenger"
    assert variant(key, None, 50) == "champion"


@given(release=releases, percent=st.floats(0.5, 50))
def test_the_share_is_the_percentage_within_sampling_error(release: str, percent: float) -> None:
    count, p = 4000, percent / 100
    # 5 standard deviations: wrong once in two million
    assert abs(share(release, percent, count) - percent) < 500 * math.sqrt(p * (1 - p) / count)


def test_another_release_deals_the_keys_anew() -> None:
    both = sum(variant(f"k{i}", "a-v1", 20) == variant(f"k{i}", "a-v2", 20) == "challenger" for i in range(20_000))
    assert both == pytest.approx(20_000 * 0.2 * 0.2, rel=0.15)  # independent: 4 %


def test_another_process_agrees() -> None:
    code = (
        "from airworthy.traffic.split import variant; print(''.join(variant(f'k{i}', 'r', 50)[1] for i in range(200)))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == "".join(variant(f"k{i}", "r", 50)[1] for i in range(200))


@pytest.mark.parametrize("percent", [-1, 100.1, math.nan])
def test_a_share_that_is_none_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        variant("key", "r", percent)


def test_the_log_samples_its_rate_whatever_the_variant() -> None:
    challengers = [f"k{i}" for i in range(40_000) if variant(f"k{i}", "r", 20) == "challenger"]
    rate = sum(sampled(key, 0.2) for key in challengers) / len(challengers)
    assert rate == pytest.approx(0.2, abs=0.03)
    assert sampled("x", 1) and not sampled("x", 0)
