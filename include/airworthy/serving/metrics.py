"""What the service counts, in Prometheus' terms; the release's canary watch reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.core import Metric as CollectedMetric
from prometheus_client.registry import Collector

from airworthy.traffic import metrics
from airworthy.traffic.metrics import Metric

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


class ServiceMetrics:
    """All metrics of one service process, in a registry of their own; see `airworthy.traffic.metrics`."""

    def __init__(self) -> None:
        self.registry = prometheus.CollectorRegistry()
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
        # counters start anew with the process: readers add up over this name (see measure.Accumulator)
        self.instance = uuid4().hex
        self._predictions = self._counter(metrics.PREDICTIONS)
        self._seconds = self._histogram(metrics.PREDICTION_SECONDS, SECONDS)
        self.responses = self._counter(metrics.HTTP_RESPONSES)
        self.failures = self._counter(metrics.REQUEST_FAILURES)
        self.batch_rows = self._histogram(metrics.BATCH_ROWS, ROWS)
        self.load_failures = self._counter(metrics.LOAD_FAILURES)
        self.serving_version = self._gauge(metrics.SERVING_VERSION)
        self.canary_percent = self._gauge(metrics.CANARY_PERCENT)
        self.log_rows = self._counter(metrics.LOG_ROWS)
        self.missing_features = self._counter(metrics.MISSING_FEATURES)
        info = prometheus.Info(
            metrics.SERVICE_INFO.name.removesuffix("_info"), metrics.SERVICE_INFO.meaning, registry=self.registry
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

    def staleness(self, seconds: Callable[[], Iterable[tuple[str, float]]]) -> None:
        """Show how long ago the registry answered: seconds by model, asked for when the metric is read."""
        self.registry.register(_Staleness(seconds))

    def text(self) -> bytes:
        """The exposition, for ``/metrics``."""
        return prometheus.generate_latest(self.registry)

    def _counter(self, metric: Metric) -> prometheus.Counter:
        return prometheus.Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _gauge(self, metric: Metric) -> prometheus.Gauge:
        return prometheus.Gauge(metric.name, metric.meaning, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric, edges: tuple[float, ...]) -> prometheus.Histogram:
        return prometheus.Histogram(metric.name, metric.meaning, metric.labels, buckets=edges, registry=self.registry)


@dataclass(frozen=True)
class _Staleness(Collector):
    seconds: Callable[[], Iterable[tuple[str, float]]]

    def describe(self) -> list[CollectedMetric]:
        return []

    def collect(self) -> Iterator[CollectedMetric]:
        metric = metrics.REGISTRY_STALENESS
        family = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for model, seconds in self.seconds():
            family.add_metric((model,), seconds)
        yield family
