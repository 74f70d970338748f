"""The canary's verdict, over the whole range of what can be measured."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from airworthy.release.decisions.canary import Verdict, breach, chance_of_errors, verdict
from airworthy.spec.release import Release
from airworthy.traffic.variants import VariantMeasurement

POLICY = Release(approvers=["approver"], min_samples=100, max_p95_ms=100, max_error_rate=0.001)
CHAMPION = VariantMeasurement(requests=2000, errors=1, p95_ms=12.0)
SEVERITY = {"promote": 0, "unclear": 1, "rollback": 2}


def at_end(requests: int, errors: int, p95_ms: float | None = 20.0, policy: Release = POLICY) -> Verdict:
    canary = VariantMeasurement(requests, errors, p95_ms)
    return verdict(canary, CHAMPION, policy, elapsed_minutes=30, window_minutes=30)


def midway(requests: int, errors: int, p95_ms: float | None = 20.0) -> Verdict:
    canary = VariantMeasurement(requests, errors, p95_ms)
    return verdict(canary, CHAMPION, POLICY, elapsed_minutes=10, window_minutes=30)


measurements = st.integers(0, 20_000).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.none() | st.floats(0.1, 1000))
)


@pytest.mark.parametrize(
    ("requests", "errors", "p95_ms", "outcome"),
    [
        (100, 0, 20.0, "promote"),
        (2000, 2, 20.0, "promote"),
        (100, 1, 20.0, "unclear"),
        (100, 2, 20.0, "rollback"),
        (99, 0, 20.0, "unclear"),
        (0, 0, None, "unclear"),
        (100, 0, None, "unclear"),
        (100, 0, 100.1, "rollback"),
        (100, 0, 100.0, "promote"),
        (99, 0, 500.0, "unclear"),
        (20, 20, None, "rollback"),
    ],
)
def test_the_verdict_at_the_end_of_the_window(requests, errors, p95_ms, outcome):
    assert at_end(requests, errors, p95_ms).outcome == outcome


@pytest.mark.parametrize(
    ("requests", "errors", "p95_ms", "outcome"),
    [
        (5000, 0, 20.0, "wait"),
        (3, 1, 20.0, "wait"),
        (100, 2, 20.0, "wait"),
        (2, 2, None, "rollback"),
        (20, 2, 20.0, "rollback"),
        (150, 0, 250.0, "rollback"),
        (50, 0, 250.0, "wait"),
    ],
)
def test_before_the_end_only_a_breach_ends_the_waiting(requests, errors, p95_ms, outcome):
    assert midway(requests, errors, p95_ms).outcome == outcome


def test_a_limit_of_zero_allows_no_error():
    none_allowed = POLICY.model_copy(update={"max_error_rate": 0.0})
    assert breach(VariantMeasurement(5000, 1, 20.0), none_allowed)
    assert at_end(5000, 0, policy=none_allowed).outcome == "promote"


def test_the_reason_shows_figures_limits_and_the_champion_beside_them():
    reason = at_end(100, 2).reason
    assert "2 errors in 100 requests (2.00%)" in reason
    assert "0.10% allowed" in reason
    assert "champion: 1 error in 2,000 requests" in reason


@given(measurements, st.floats(0, 60), st.floats(1, 60))
def test_a_verdict_waits_only_before_the_end_and_promotes_only_after_it(measured, elapsed, window):
    result = verdict(VariantMeasurement(*measured), CHAMPION, POLICY, elapsed_minutes=elapsed, window_minutes=window)
    if elapsed < window:
        assert result.outcome in ("wait", "rollback")
    else:
        assert result.outcome in ("promote", "rollback", "unclear")


@given(measurements)
def test_more_errors_never_make_a_verdict_milder(measured):
    requests, errors, p95_ms = measured
    if errors < requests:
        fewer, more = at_end(requests, errors, p95_ms), at_end(requests, errors + 1, p95_ms)
        assert SEVERITY[more.outcome] >= SEVERITY[fewer.outcome]
        assert not (
            breach(VariantMeasurement(requests, errors, None), POLICY)
            and not breach(VariantMeasurement(requests, errors + 1, None), POLICY)
        )


@given(measurements, st.floats(0, 500))
def test_slower_answers_never_make_a_verdict_milder(measured, slower):
    requests, errors, p95_ms = measured
    if p95_ms is not None:
        before, after = at_end(requests, errors, p95_ms), at_end(requests, errors, p95_ms + slower)
        assert SEVERITY[after.outcome] >= SEVERITY[before.outcome]


@given(measurements)
def test_nothing_is_promoted_above_a_limit_or_without_enough_answers(measured):
    requests, errors, p95_ms = measured
    if at_end(requests, errors, p95_ms).outcome == "promote":
        assert requests >= POLICY.min_samples
        assert errors / requests <= POLICY.max_error_rate
        assert p95_ms is not None and p95_ms <= POLICY.max_p95_ms


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n))), st.floats(0.0001, 0.9))
def test_the_chance_of_errors_is_the_binomial_tail(case, rate):
    errors, requests = case
    assert chance_of_errors(errors, requests, rate) == pytest.approx(
        binom.sf(errors - 1, requests, rate), rel=1e-6, abs=1e-12
    )


def test_looking_after_every_request_rarely_alarms_for_a_sound_candidate():
    chance = random.Random(7)
    policy = POLICY.model_copy(update={"max_error_rate": 0.02})
    alarms = 0
    for _ in range(300):
        errors = 0
        for requests in range(1, 801):
            if chance.random() < policy.max_error_rate:  # just at the limit: the hardest sound candidate
                errors += 1
                if breach(VariantMeasurement(requests, errors, None), policy):
                    alarms += 1
                    break
    assert alarms <= 9  # 3 expected at most; more than 9 of 300 has a chance below 0.2 %


def test_a_candidate_that_fails_one_request_in_ten_is_stopped_within_a_hundred_requests():
    chance = random.Random(11)
    for _ in range(50):
        errors = 0
        for requests in range(1, 101):
            errors += chance.random() < 0.1
            if breach(VariantMeasurement(requests, errors, None), POLICY):
                break
        else:
            pytest.fail(f"{errors} errors in 100 requests went unnoticed")


def test_more_errors_than_requests_is_not_a_measurement():
    with pytest.raises(ValueError, match="errors must be between 0 and requests=3"):
        VariantMeasurement(3, 4, None)
