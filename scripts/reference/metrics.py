"""The inference service's metrics."""

from __future__ import annotations

from typing import Any

from scripts.reference.markdown import page, required, table


def metrics() -> str:
    """Every metric of the inference service."""
    from airworthy.serving.metrics import Metrics
    from airworthy.serving.service import Service

    counted = Metrics()
    Service([], counted)  # adds those that are asked for when they are read
    rows = []
    for collector in counted.registry._collector_to_names:
        for family in collector.collect():
            if family.name.startswith("airworthy_"):
                labels = _labels(collector)
                suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
                said = required(f"the metric {family.name}", family.documentation)
                rows.append((f"`{family.name}{suffix}`", family.type, ", ".join(f"`{each}`" for each in labels), said))
    return page(
        "Metrics",
        "The inference service answers `GET /metrics` in Prometheus' text format, with its bearer token. Counters "
        "start anew with the process: `airworthy_service_info` names it. The usual `process_*` and `python_gc_*` "
        "metrics of the Prometheus client are there too.",
        table(("metric", "type", "labels", "meaning"), rows),
    )


def _labels(collector: Any) -> tuple[str, ...]:
    # one that is asked for when it is read has them as a field; the client's own have a method of that name
    named: tuple[str, ...] = getattr(collector, "_labelnames", ()) or collector.labels
    return () if callable(named) else named
