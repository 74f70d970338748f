"""What must hold for the feature table before anything is trained on it."""

# mypy: disable-error-code="attr-defined"
# (Great Expectations re-exports its expectations without saying so)

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec

# Bounds are wide on purpose: they catch broken units, joins and clocks. Drift is the monitors' business.
RANGES: dict[str, tuple[float, float]] = {
    "sched_dep_minute": (0, 1439),
    "day_of_week": (1, 7),
    "distance": (1, 12_000),  # miles
    "aircraft_age": (0, 100),  # years
    "aircraft_seats": (1, 900),
    "temp": (-60, 140),  # Fahrenheit
    "dewp": (-80, 120),
    "humid": (0, 100.5),  # percent
    "precip": (0, 20),  # inches an hour
    "pressure": (850, 1100),  # millibars
    "visib": (0, 100),  # miles
}


def suite(spec: PipelineSpec, as_of: datetime) -> list[Any]:
    """The expectations.

    Args:
        spec: names of the columns.
        as_of: the time the table is as of.
    """
    from great_expectations import expectations as gxe

    features = spec.features.numeric
    rates = [name for name in features if "_late_rate_" in name]
    delays = [name for name in features if "_mean_delay_" in name]
    counts = [name for name in features if "_flights_" in name]
    ranges = {
        **RANGES,
        **dict.fromkeys(rates, (0.0, 1.0)),
        **dict.fromkeys(delays, (-180.0, 3000.0)),
        **dict.fromkeys(counts, (1.0, 10_000.0)),
    }
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=500),
        gxe.ExpectColumnValuesToBeUnique(column=spec.key),
        *(
            gxe.ExpectColumnValuesToNotBeNull(column=name)
            for name in (spec.key, spec.event_time, spec.prediction_time, "month")
        ),
        # no leak: asked before the departure, answered after it
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=spec.event_time, column_B=spec.prediction_time, or_equal=spec.prediction_lead_minutes == 0
        ),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(
            column_A=spec.known_at, column_B=spec.event_time, ignore_row_if="either_value_is_missing"
        ),
        gxe.ExpectColumnMaxToBeBetween(column=spec.event_time, min_value=as_of - timedelta(days=2)),
        # cancelled flights have no label; a day of storms has many
        gxe.ExpectColumnValuesToNotBeNull(column=spec.label.name, mostly=0.7),
        gxe.ExpectColumnValuesToBeInSet(column=spec.label.name, value_set=[0, 1]),
        gxe.ExpectColumnMeanToBeBetween(column=spec.label.name, min_value=0.02, max_value=0.8),
        *(gxe.ExpectColumnValuesToNotBeNull(column=n, mostly=0.99) for n in spec.features.categorical),
        gxe.ExpectColumnValuesToMatchRegex(column="carrier", regex="^[0-9A-Z]{2}$"),
        gxe.ExpectColumnValuesToBeInSet(column="origin", value_set=["EWR", "JFK", "LGA"], mostly=0.99),
        gxe.ExpectColumnValuesToMatchRegex(column="dest", regex="^[A-Z]{3}$"),
        # the joins found something; rolling features are null for the first days only
        gxe.ExpectColumnValuesToNotBeNull(column="temp", mostly=0.8),
        gxe.ExpectColumnValuesToNotBeNull(column="aircraft_seats", mostly=0.6),
        gxe.ExpectColumnValuesToNotBeNull(column="carrier_late_rate_7d", mostly=0.4),
        *(
            gxe.ExpectColumnValuesToBeBetween(column=name, min_value=ranges[name][0], max_value=ranges[name][1])
            for name in features
            if name in ranges
        ),
    ]
