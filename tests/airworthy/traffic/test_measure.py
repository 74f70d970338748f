"""What the canary's watch reads: per variant and release, added up across restarts of the service."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.serving.metrics import SECONDS, ServiceMetrics
from airworthy.traffic.measure import (
    Accumulator,
    Counts,
    Reading,
    ServiceAway,
    parse_metrics,
    quantile,
    scrape,
)
from airworthy.traffic.variants import VariantMeasurement


def cumulative(values: list[float]) -> dict[float, int]:
    return {edge: sum(value <= edge for value in values) for edge in (*SECONDS, math.inf)}


@given(st.lists(st.floats(0, 4.9), min_size=1, max_size=300), st.floats(0.01, 1))
def test_a_quantile_lies_in_the_bucket_of_the_real_one(values: list[float], q: float) -> None:
    real = float(np.quantile(values, q, method="inverted_cdf"))
    found = quantile(cumulative(values), q)
    assert found is not None
    edges = [0.0, *SECONDS]
    bucket = next((low, high) for low, high in pairwise(edges) if real <= high)
    assert bucket[0] <= found <= bucket[1]


def test_quantiles_interpolate_as_prometheus_does() -> None:
    assert quantile({0.1: 50, 0.2: 100, math.inf: 100}, 0.75) == pytest.approx(0.15)
    assert quantile({0.1: 0, 0.2: 10, math.inf: 10}, 0.5) == pytest.approx(0.15)
    assert quantile({0.1: 0, math.inf: 10}, 0.95) == 0.1  # beyond the last edge
    assert quantile({0.1: 0, math.inf: 0}, 0.5) is None
    assert quantile({}, 0.5) is None


def served(ok: int, error: int, fallback: int, seconds: float, metrics: ServiceMetrics | None = None) -> ServiceMetrics:
    metrics = metrics or ServiceMetrics()
    counters = metrics.of("m", "r", "challenger", 2)
    counters.ok.inc(ok)
    counters.error.inc(error)
    counters.fallback.inc(fallback)
    for _ in range(ok + error + fallback):
        counters.seconds.observe(seconds)
    return metrics


def read_from(metrics: ServiceMetrics, release: str = "r") -> Reading:
    return parse_metrics(metrics.text().decode(), "m", release)


def test_fallbacks_and_errors_are_both_errors_and_all_are_requests() -> None:
    found = Accumulator().add(read_from(served(90, 3, 7, 0.0199))).measurements()
    assert (found["challenger"].requests, found["challenger"].errors) == (100, 10)
    assert found["challenger"].p95_ms == pytest.approx(20, abs=1)
    assert found["champion"] == VariantMeasurement(0, 0, None)


def test_other_releases_and_models_are_left_out() -> None:
    metrics = served(10, 0, 0, 0.01)
    metrics.of("m", "other", "challenger", 3).ok.inc(5)
    metrics.of("other", "r", "challenger", 2).ok.inc(5)
    assert Accumulator().add(read_from(metrics)).measurements()["challenger"].requests == 10
    assert Accumulator().add(read_from(metrics, "none")).measurements()["challenger"].requests == 0


def test_counts_add_up_across_a_restart() -> None:
    seen = Accumulator()
    first = served(40, 1, 0, 0.004)
    seen.add(read_from(first))
    served(9, 0, 0, 0.004, first)
    seen.add(read_from(first))
    seen.add(read_from(served(50, 0, 0, 0.4)))  # a new process counts from zero
    total = seen.measurements()["challenger"]
    assert (total.requests, total.errors) == (100, 1)
    assert total.p95_ms is not None and total.p95_ms > 250


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=20))
def test_any_order_of_readings_of_growing_counters_gives_the_last_of_each_process(
    looks: list[tuple[str, int]],
) -> None:
    seen, totals = Accumulator(), dict.fromkeys("abc", 0)
    for process, more in looks:
        totals[process] += more
        counts = Counts(totals[process], 0, {0.1: totals[process], math.inf: totals[process]})
        seen.add(Reading(process, {"champion": counts}))
    assert seen.measurements()["champion"].requests == sum(totals.values())


def test_a_service_that_is_away_is_named() -> None:
    with pytest.raises(ServiceAway, match=r"127\.0\.0\.1:9"):
        scrape("http://127.0.0.1:9", "token", "m", "r")


def test_another_service_is_not_taken_for_zero_requests() -> None:
    with pytest.raises(ServiceAway, match="airworthy_service_info"):
        parse_metrics("# HELP up Up\n# TYPE up gauge\nup 1\n", "m", "r")
