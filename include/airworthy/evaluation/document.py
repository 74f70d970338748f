"""What an evaluation found, as data: `evaluation.json` of a training run."""

from __future__ import annotations

from typing import Any, Protocol

from pydantic import Field

from airworthy.model.kinds.base import Difference, Frozen, Metrics

#: The artifact of a training run that holds it.
FILE = "evaluation.json"


class Other(Frozen):
    """Another model on the same holdout rows."""

    metrics: Metrics
    difference: Difference | None = None
    version: int | None = Field(None, description="in the registry, for the champion")
    kind: str = ""


class Slice(Frozen):
    """The holdout rows where ``column`` is ``value``."""

    column: str
    value: str
    candidate: Metrics
    champion: Metrics | None = None
    average: Metrics | None = None


class Evaluation(Frozen):
    """A candidate on the holdout, which lies later in time than everything it was trained on.

    Attributes:
        average: the always-average baseline: the training rows' label rate for every row.
        lightgbm: trained on the same features of the same rows.
        champion: today's, unless there is none; its kind is ``baseline`` while no trained model was promoted.
    """

    pipeline: str
    train_run: str
    run_id: str
    data_version: str
    data_until: str = Field(description="ISO 8601, UTC: the newest row of the snapshot")
    holdout_from: str = Field(description="ISO 8601, UTC")
    train_rows: int
    candidate: Metrics
    average: Metrics
    lightgbm: Other | None = None
    champion: Other | None = None
    slices: tuple[Slice, ...] = ()


class Artifacts(Protocol):
    """What is read of the registry."""

    def read_json(self, run_id: str, artifact: str) -> dict[str, Any]: ...


def read(artifacts: Artifacts, run_id: str) -> Evaluation:
    """What the evaluation of this training run found.

    Raises:
        NotInRegistry: it was not evaluated.
    """
    return Evaluation.model_validate(artifacts.read_json(run_id, FILE))
