"""The inference service's metrics."""

from __future__ import annotations

from scripts.reference.markdown import page, required, table


def metrics() -> str:
    """Every metric of the inference service."""
    from airworthy.traffic.metrics import ALL

    return page(
        "Metrics",
        "The inference service answers `GET /metrics` in Prometheus' text format, with its bearer token. Counters "
        "start anew with the process: `airworthy_service_info` names it. The usual `process_*` and `python_gc_*` "
        "metrics of the Prometheus client are there too.",
        table(
            ("metric", "type", "labels", "meaning"),
            [
                (
                    f"`{each.name}`",
                    each.type,
                    ", ".join(f"`{label}`" for label in each.labels),
                    required(f"the metric {each.name}", each.meaning),
                )
                for each in ALL
            ],
        ),
    )
