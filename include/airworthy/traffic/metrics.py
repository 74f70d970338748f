"""The metrics of the inference service: every name, label and meaning once, for who counts and for who reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MetricType = Literal["counter", "gauge", "histogram", "info"]


@dataclass(frozen=True)
class Metric:
    """One metric, as Prometheus shows it.

    Attributes:
        name: of a counter with its ``_total``, of a histogram without ``_bucket``, of an info with its ``_info``.
        type: Prometheus' word.
        meaning: one line.
        labels: names of the labels, in order.
    """

    name: str
    type: MetricType
    meaning: str
    labels: tuple[str, ...] = ()


#: One version in one role of one release.
VARIANT_LABELS = ("model", "release_id", "variant", "version")

PREDICTIONS = Metric(
    "airworthy_predictions_total",
    "counter",
    "Predictions by outcome: ok; fallback, the challenger failed and the champion answered; error, nobody did",
    (*VARIANT_LABELS, "outcome"),
)
PREDICTION_SECONDS = Metric(
    "airworthy_prediction_seconds",
    "histogram",
    "From a request's arrival to its answer, once for each variant that took part",
    VARIANT_LABELS,
)
HTTP_RESPONSES = Metric(
    "airworthy_http_responses_total", "counter", "Answers to prediction requests", ("model", "status")
)
REQUEST_FAILURES = Metric(
    "airworthy_request_failures_total", "counter", "Requests that failed before or beside a model", ("model", "reason")
)
BATCH_ROWS = Metric("airworthy_batch_rows", "histogram", "Rows of one model call", ("model",))
LOAD_FAILURES = Metric(
    "airworthy_model_load_failures_total", "counter", "Versions that did not load", ("model", "variant", "version")
)
SERVING_VERSION = Metric("airworthy_serving_version", "gauge", "Version that serves, 0 for none", ("model", "variant"))
CANARY_PERCENT = Metric("airworthy_canary_percent", "gauge", "The challenger's share", ("model",))
REGISTRY_STALENESS = Metric(
    "airworthy_registry_staleness_seconds", "gauge", "Time since the registry last answered", ("model",)
)
LOG_ROWS = Metric(
    "airworthy_prediction_log_rows_total",
    "counter",
    "Rows of the prediction log: committed to the lake, or dropped",
    ("model", "outcome"),
)
MISSING_FEATURES = Metric(
    "airworthy_missing_features_total", "counter", "Looked-up features that were missing or too old", ("model", "view")
)
SERVICE_INFO = Metric(
    "airworthy_service_info", "info", "This process: the counters of another instance began at 0 again", ("instance",)
)

ALL = (
    PREDICTIONS, PREDICTION_SECONDS, HTTP_RESPONSES, REQUEST_FAILURES, BATCH_ROWS, LOAD_FAILURES, SERVING_VERSION,
    CANARY_PERCENT, REGISTRY_STALENESS, LOG_ROWS, MISSING_FEATURES, SERVICE_INFO,
)  # fmt: skip
