"""What the service counts, in Prometheus' terms; the release's canary watch reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

#: Seconds; narrow where answers normally lie, and one edge at the usual limit of 100 ms.
SECONDS = (
    *(0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05),
    *(0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0),
)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class VariantMetrics:
    """The counters of one version in one role of one release."""

    ok: prometheus.Counter
    error: prometheus.Counter
    fallback: prometheus.Counter
    seconds: prometheus.Histogram


class Metrics:
    """All metrics of one service process, in a registry of their own.

    ``airworthy_predictions_total`` counts predictions by outcome: ``ok``; ``fallback``: the challenger failed and the
    champion answered; ``error``: nobody answered. ``airworthy_prediction_seconds`` is the time from a request's
    arrival to its answer, counted once per variant that took part in it.
    """

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
        # counters start anew with the process: readers add up over this name (see measure.Accumulator)
        self.instance = uuid4().hex
        here = self.registry
        labels = ("model", "release_id", "variant", "version")
        self._predictions = prometheus.Counter(
            "airworthy_predictions_total",
            "Predictions by outcome: ok; fallback, the challenger failed and the champion answered; error, nobody did",
            (*labels, "outcome"),
            registry=here,
        )
        self._seconds = prometheus.Histogram(
            "airworthy_prediction_seconds",
            "From a request's arrival to its answer, once for each variant that took part",
            labels,
            buckets=SECONDS,
            registry=here,
        )
        self.responses = prometheus.Counter(
            "airworthy_http_responses_total", "Answers to prediction requests", ("model", "status"), registry=here
        )
        self.failures = prometheus.Counter(
            "airworthy_request_failures_total",
            "Requests that failed before or beside a model",
            ("model", "reason"),
            registry=here,
        )
        self.batch_rows = prometheus.Histogram(
            "airworthy_batch_rows", "Rows of one model call", ("model",), buckets=ROWS, registry=here
        )
        self.load_failures = prometheus.Counter(
            "airworthy_model_load_failures_total",
            "Versions that did not load",
            ("model", "variant", "version"),
            registry=here,
        )
        self.serving_version = prometheus.Gauge(
            "airworthy_serving_version", "Version that serves, 0 for none", ("model", "variant"), registry=here
        )
        self.canary_percent = prometheus.Gauge(
            "airworthy_canary_percent", "The challenger's share", ("model",), registry=here
        )
        self.log_rows = prometheus.Counter(
            "airworthy_prediction_log_rows_total",
            "Rows of the prediction log: committed to the lake, or dropped",
            ("model", "outcome"),
            registry=here,
        )
        self.missing_features = prometheus.Counter(
            "airworthy_missing_features_total",
            "Looked-up features that were missing or too old",
            ("model", "view"),
            registry=here,
        )
        info = prometheus.Info(
            "airworthy_service", "This process: the counters of another instance began at 0 again", registry=here
        )
        info.info({"instance": self.instance})
        prometheus.ProcessCollector(registry=self.registry)
        prometheus.GCCollector(registry=self.registry)
        self._by_variant: dict[tuple[str, str, str, int], VariantMetrics] = {}

    def of(self, model: str, release_id: str | None, variant: str, version: int) -> VariantMetrics:
        """The counters of one variant, present (as 0) from the first call on."""
        key = (model, release_id or "", variant, version)
        found = self._by_variant.get(key)
        if found is None:
            ok, error, fallback = (self._predictions.labels(*key, each) for each in ("ok", "error", "fallback"))
            found = self._by_variant[key] = VariantMetrics(ok, error, fallback, self._seconds.labels(*key))
        return found

    def ages(self, name: str, help_text: str, labels: tuple[str, ...], ages: Callable[[], Ages]) -> None:
        """A gauge that is asked for when it is read."""
        self.registry.register(_Ages(name, help_text, labels, ages))

    def text(self) -> bytes:
        """The exposition, for ``/metrics``."""
        return prometheus.generate_latest(self.registry)


Ages = Iterable[tuple[tuple[str, ...], float]]


@dataclass(frozen=True)
class _Ages(Collector):
    name: str
    help_text: str
    labels: tuple[str, ...]
    ages: Callable[[], Ages]

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        family = GaugeMetricFamily(self.name, self.help_text, labels=self.labels)
        for labels, age in self.ages():
            family.add_metric(labels, age)
        yield family
