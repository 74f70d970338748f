"""Every table's name in the lake, once: where it is written, and where it is read."""

from __future__ import annotations

#: The feature table's name among a pipeline's feature tables; the others are its views.
TRAINING = "training"


def ingested(pipeline: str) -> str:
    """The files that were dealt with, and what became of each."""
    return f"{pipeline}/ingested"


def raw(pipeline: str, source: str) -> str:
    """A source's good rows."""
    return f"{pipeline}/raw/{source}"


def quarantine(pipeline: str, source: str) -> str:
    """What was refused of a source, with the reasons."""
    return f"{pipeline}/quarantine/{source}"


def view(pipeline: str, name: str) -> str:
    """A feature view's values over time, by entity key."""
    return f"{pipeline}/features/{name}"


def training(pipeline: str) -> str:
    """The feature table: one row for each event, with its label, as of its prediction time."""
    return f"{pipeline}/features/{TRAINING}"


def published(pipeline: str) -> str:
    """The versions of the feature table that were validated and published, in order."""
    return f"{pipeline}/features/published"


def predictions(pipeline: str) -> str:
    """The prediction log."""
    return f"{pipeline}/logs/predictions"
