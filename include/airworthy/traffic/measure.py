"""What the variants of a release answered so far: read from the service's metrics, added up across its restarts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from prometheus_client.parser import text_string_to_metric_families

from airworthy.errors import Away
from airworthy.traffic import metrics
from airworthy.traffic.variants import VARIANTS, Variant, VariantMeasurement


class ServiceAway(Away):
    """The inference service does not answer, or answers something else than its metrics."""


@dataclass(frozen=True)
class Counts:
    """Cumulative figures of one variant in one process.

    Attributes:
        requests: predictions asked of it.
        errors: those it did not answer itself: nobody did, or the champion in its place.
        buckets: number of answers by upper edge in seconds, each edge including those below; the last is inf.
    """

    requests: int = 0
    errors: int = 0
    buckets: Mapping[float, int] = field(default_factory=dict)

    def __add__(self, other: Counts) -> Counts:
        edges = {*self.buckets, *other.buckets}
        return Counts(
            self.requests + other.requests,
            self.errors + other.errors,
            {edge: _up_to(self.buckets, edge) + _up_to(other.buckets, edge) for edge in sorted(edges)},
        )


@dataclass(frozen=True)
class Reading:
    """One look at one process' metrics.

    Attributes:
        instance: the process; counters start at zero with it.
    """

    instance: str
    variants: Mapping[str, Counts]


@dataclass
class Accumulator:
    """Adds readings up: the last one of every process counts.

    So a restart of the service loses nothing but what was not read before it, and replicas behind one address add
    up as soon as each has been met.
    """

    last: dict[str, Reading] = field(default_factory=dict)

    def add(self, reading: Reading) -> Accumulator:
        """Take one reading in; of the same process it replaces the earlier one."""
        self.last[reading.instance] = reading
        return self

    def measurements(self) -> dict[Variant, VariantMeasurement]:
        """Both variants' figures; zeros for one that was asked nothing."""
        found: dict[Variant, VariantMeasurement] = {}
        for variant in VARIANTS:
            total = sum((reading.variants.get(variant, Counts()) for reading in self.last.values()), Counts())
            p95 = quantile(total.buckets, 0.95)
            found[variant] = VariantMeasurement(total.requests, total.errors, None if p95 is None else p95 * 1000)
        return found


def scrape(url: str, token: str, model: str, release_id: str) -> Reading:
    """Read ``/metrics`` once.

    Args:
        url: the service's address.
        token: its bearer token.
        model: the registered model.
        release_id: figures outside of this release are left out.

    Raises:
        ServiceAway: no answer within five seconds, or a refusal.
    """
    try:
        answer = httpx.get(f"{url.rstrip('/')}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=5)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise ServiceAway(
            f"{url}/metrics: {error}",
            next_step="see whether it runs (`airworthy status`), and its token; docs/runbook.md#service-away",
        ) from error
    return parse_metrics(answer.text, model, release_id)


def parse_metrics(text: str, model: str, release_id: str) -> Reading:
    """One model's and release's figures in a Prometheus exposition.

    Raises:
        ServiceAway: the text is not this service's.
    """
    instance = ""
    requests = dict.fromkeys(VARIANTS, 0)
    errors = dict.fromkeys(VARIANTS, 0)
    buckets: dict[str, dict[float, int]] = {variant: {} for variant in VARIANTS}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sample.labels
            if sample.name == metrics.SERVICE_INFO.name:
                instance = labels["instance"]
            if labels.get("model") != model or labels.get("release_id") != release_id:
                continue
            variant = labels.get("variant", "")
            if variant not in VARIANTS:
                continue
            if sample.name == metrics.PREDICTIONS.name:
                requests[variant] += int(sample.value)
                errors[variant] += int(sample.value) if labels["outcome"] != "ok" else 0
            elif sample.name == f"{metrics.PREDICTION_SECONDS.name}_bucket":
                edge = float(labels["le"])
                buckets[variant][edge] = buckets[variant].get(edge, 0) + int(sample.value)
    if not instance:
        raise ServiceAway(
            f"the metrics lack {metrics.SERVICE_INFO.name}", next_step="point serving_url at the inference service"
        )
    return Reading(instance, {v: Counts(requests[v], errors[v], dict(sorted(buckets[v].items()))) for v in VARIANTS})


def quantile(buckets: Mapping[float, int], q: float) -> float | None:
    """A quantile from a cumulative histogram, by linear interpolation within its bucket.

    As Prometheus' ``histogram_quantile``: the lowest bucket begins at 0, and what lies beyond the last finite edge is
    taken to lie at that edge.

    Args:
        buckets: number of observations by upper edge, each including those below; the last edge is inf.
        q: the quantile, 0 to 1.

    Returns:
        In the edges' unit; None without observations.
    """
    edges = sorted(buckets)
    total = buckets[edges[-1]] if edges else 0
    if not total:
        return None
    rank = q * total
    lower, below = 0.0, 0
    for edge in edges:
        if buckets[edge] >= rank and buckets[edge] > below:
            if math.isinf(edge):
                return lower
            return lower + (edge - lower) * (rank - below) / (buckets[edge] - below)
        lower, below = edge, buckets[edge]
    return lower


def _up_to(buckets: Mapping[float, int], edge: float) -> int:
    """Observations up to an edge; of histograms with other edges, those up to the next lower one."""
    known = [each for each in buckets if each <= edge]
    return buckets[max(known)] if known else 0
