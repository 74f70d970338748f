"""A candidate's evidence, complete and without a warning."""

from __future__ import annotations

from typing import Any

from evaluations import figures

from airworthy.release.evidence.document import (
    Canary,
    Evidence,
    Gate,
    SliceFigures,
    Validation,
    VariantFigures,
)

FULL = Evidence(
    pipeline="flight_delays",
    task="binary",
    version=7,
    release_id="flight_delays-v7",
    triggered_by="admin",
    train_run="manual__2026-11-21",
    data_version="12",
    data_until="2013-08-31",
    raw_versions={"flights": "4", "weather": "3"},
    code_version="abc123",
    champion_version=5,
    candidate=figures(29_000, roc_auc=0.741, log_loss=0.4102),
    champion=figures(29_000, roc_auc=0.7301, log_loss=0.4002),
    average=figures(29_000, roc_auc=0.5, log_loss=0.52),
    slices=(
        SliceFigures(
            column="origin",
            value="JFK",
            candidate=figures(9_000, roc_auc=0.71, log_loss=0.4),
            champion=figures(9_000, roc_auc=0.72, log_loss=0.39),
        ),
    ),
    gates=(Gate(name="roc_auc.min", passed=True, observed=0.741, limit=0.62),),
    validation=Validation(success=True, expectations=31),
    canary=Canary(
        percent=5,
        outcome="promote",
        reason="0 errors",
        challenger=VariantFigures(requests=103, errors=0, p95_ms=8.5),
        champion=VariantFigures(requests=1957, errors=1, p95_ms=8.0),
    ),
    links={"Model": "http://127.0.0.1:5500/#/models/flight_delays/versions/7"},
)


def changed(**fields: Any) -> Evidence:
    """The same with other fields."""
    return FULL.model_copy(update=fields)
