"""The canary's verdict: a pure function of what was measured and what the policy allows.

How errors are judged. A few hundred answers cannot prove an error rate of 0.1 %: that takes about 3,000 without a
single error. So the question is turned round: is there evidence that the rate is *above* the limit?

- While the canary runs it is looked at again and again, and a fixed-size test read that often cries wolf. `breach`
  therefore uses a test that stays valid however often it is read: the likelihood of the errors seen, averaged over
  all rates above the limit, against their likelihood at the limit. At or below the limit this ratio has an expected
  value of at most 1, so it ever reaches 100 with a probability of at most 1 % (Ville's inequality; Robbins 1970,
  "Statistical methods related to the law of the iterated logarithm"). One error alone never is a breach, unless the
  policy allows none at all.
- At the end of the window there is one planned look, a one-sided exact binomial test at 5 %. Significantly above
  the limit: roll back. At or below the limit as measured (no error at all included): no evidence against it,
  promote. In between, one error in 100 answers at a limit of 0.1 % for example, it is "unclear", and a person has
  to look.

A sound candidate is thus rolled back for its errors by chance in at most 6 % of releases, and one that fails one
request in ten is stopped after some twenty requests. Judged against the limits alone: the champion's figures are
shown beside the canary's and decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from scipy.special import betainc, betaln

from airworthy.traffic.variants import Variant, VariantMeasurement

if TYPE_CHECKING:
    from airworthy.spec.release import Release

Outcome = Literal["promote", "rollback", "wait", "unclear"]
#: The watch lasts for the canary's window and ends with a verdict; the guard stays until the release is decided.
Mode = Literal["watch", "guard"]

#: Chance of a false alarm over all looks while the canary runs, and at the one look at its end.
BREACH_LEVEL = 0.01
END_LEVEL = 0.05


@dataclass(frozen=True)
class Verdict:
    """What should happen to the canary, and why in one sentence."""

    outcome: Outcome
    reason: str


def judge(
    mode: Mode,
    measured: Mapping[Variant, VariantMeasurement],
    policy: Release,
    *,
    elapsed_minutes: float,
    window_minutes: float,
) -> Verdict:
    """One look at the canary: as ``watch`` a `verdict`, as ``guard`` only a `breach` is one, however late it is."""
    if mode == "watch":
        return verdict(
            measured["challenger"],
            measured["champion"],
            policy,
            elapsed_minutes=elapsed_minutes,
            window_minutes=window_minutes,
        )
    problem = breach(measured["challenger"], policy)
    return Verdict("rollback", problem) if problem else Verdict("wait", "")


def breach(canary: VariantMeasurement, policy: Release) -> str | None:
    """What rolls the canary back at once, or None; may be asked as often as one likes.

    The p95 counts from ``policy.min_samples`` requests on: below, one slow first request is a tail of its own.
    """
    evidence = _log_evidence_above(canary.errors, canary.requests, policy.max_error_rate)
    enough = canary.errors >= 2 or (canary.errors == 1 and policy.max_error_rate == 0)
    if enough and evidence >= -math.log(BREACH_LEVEL):
        return f"{_errors(canary)}, clearly more than the {policy.max_error_rate:.2%} allowed"
    if _slow(canary, policy):
        return f"p95 {canary.p95_ms:.1f} ms over {canary.requests} requests, {policy.max_p95_ms:g} ms allowed"
    return None


def verdict(
    canary: VariantMeasurement,
    champion: VariantMeasurement,
    policy: Release,
    *,
    elapsed_minutes: float,
    window_minutes: float,
) -> Verdict:
    """Judge the canary.

    Before the window's end the answer is "wait" or, on a `breach`, "rollback"; "promote" needs the whole window.
    Afterwards it is "promote", "rollback" or "unclear" (too few answers, or errors that prove nothing either way).

    Args:
        canary: what the candidate answered.
        champion: what the champion answered meanwhile; for the reason only.
        policy: the limits.
        elapsed_minutes: time since the window began.
        window_minutes: the window's length.
    """
    beside = f"; champion: {_errors(champion)}, p95 {_ms(champion.p95_ms)}"
    if problem := breach(canary, policy):
        return Verdict("rollback", problem + beside)
    if elapsed_minutes < window_minutes:
        return Verdict("wait", f"{_errors(canary)} after {elapsed_minutes:.1f} of {window_minutes:g} minutes" + beside)
    chance = chance_of_errors(canary.errors, canary.requests, policy.max_error_rate)
    if chance < END_LEVEL:
        return Verdict(
            "rollback",
            f"{_errors(canary)}: at the {policy.max_error_rate:.2%} allowed that happens "
            f"once in {1 / chance:,.0f} windows" + beside
            if chance > 0
            else f"{_errors(canary)}, none allowed" + beside,
        )
    if canary.requests < policy.min_samples:
        return Verdict(
            "unclear", f"only {canary.requests} requests in the window, {policy.min_samples} needed" + beside
        )
    if canary.p95_ms is None:
        return Verdict("unclear", f"no latency was measured over {canary.requests} requests" + beside)
    if canary.error_rate > policy.max_error_rate:
        return Verdict(
            "unclear",
            f"{_errors(canary)} is above the {policy.max_error_rate:.2%} allowed, but too few to tell from chance "
            f"(p = {chance:.2f})" + beside,
        )
    return Verdict("promote", f"{_errors(canary)}, p95 {_ms(canary.p95_ms)}" + beside)


def chance_of_errors(errors: int, requests: int, rate: float) -> float:
    """Chance of at least so many errors if each request fails with probability ``rate`` (exact binomial tail)."""
    if errors == 0:
        return 1.0
    return float(betainc(errors, requests - errors + 1, rate))


def _log_evidence_above(errors: int, requests: int, rate: float) -> float:
    """Logarithm of the likelihood averaged evenly over rates above ``rate``, against that at ``rate`` itself.

    integral over p in (rate, 1) of p^k (1-p)^(n-k) dp / (1 - rate), divided by rate^k (1 - rate)^(n-k), with
    k errors in n requests; the integral is a regularised incomplete beta function.
    """
    if errors == 0:
        return -math.inf
    if rate == 0:
        return math.inf
    if rate == 1:
        return -math.inf
    a, b = errors + 1, requests - errors + 1
    above = float(betainc(b, a, 1 - rate))
    if above == 0:
        return -math.inf
    return float(
        betaln(a, b)
        + math.log(above)
        - math.log1p(-rate)
        - errors * math.log(rate)
        - (requests - errors) * math.log1p(-rate)
    )


def _slow(canary: VariantMeasurement, policy: Release) -> bool:
    return canary.requests >= policy.min_samples and canary.p95_ms is not None and canary.p95_ms > policy.max_p95_ms


def _errors(measured: VariantMeasurement) -> str:
    plural = "" if measured.errors == 1 else "s"
    return f"{measured.errors} error{plural} in {measured.requests:,} requests ({measured.error_rate:.2%})"


def _ms(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1f} ms"
