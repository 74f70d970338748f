"""The service counts what `airworthy.traffic.metrics` says, under its names."""

from __future__ import annotations

from airworthy.serving.metrics import ServiceMetrics
from airworthy.traffic import metrics


def test_every_metric_is_exposed_under_its_name_with_its_labels() -> None:
    counted = ServiceMetrics()
    counted.of("m", "r", "champion", 1)
    counted.staleness(lambda: [("m", 1.5)])
    counted.responses.labels("m", 200).inc()
    counted.failures.labels("m", "busy").inc()
    counted.batch_rows.labels("m").observe(1)
    counted.load_failures.labels("m", "champion", 1).inc()
    counted.serving_version.labels("m", "champion").set(1)
    counted.canary_percent.labels("m").set(5)
    counted.log_rows.labels("m", "dropped").inc()
    counted.missing_features.labels("m", "weather").inc()
    text = counted.text().decode()
    for metric in metrics.ALL:
        line = next(line for line in text.splitlines() if line.startswith((f"{metric.name}{{", f"{metric.name}_sum{{")))
        labels = [pair.split("=")[0] for pair in line[line.index("{") + 1 : line.index("}")].split(",")]
        assert sorted(labels) == sorted(metric.labels), metric.name
        assert metric.meaning.splitlines()[0] in text
    ours = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP airworthy_")}
    assert ours == {metric.name for metric in metrics.ALL}


def test_an_outcome_that_did_not_happen_yet_is_there_as_zero() -> None:
    counted = ServiceMetrics()
    counted.of("m", None, "champion", 1)
    labels = 'model="m",outcome="fallback",release_id="",variant="champion",version="1"'
    assert f"{metrics.PREDICTIONS.name}{{{labels}}} 0.0" in counted.text().decode()
