"""What an evaluation found, as data: `evaluation.json` of a training run."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pydantic import Field

from airworthy.errors import Final
from airworthy.model.kinds.base import Difference, Figures, Frozen
from airworthy.spec.tasks import Task

#: The artifact of a training run that holds it.
FILE = "evaluation.json"
#: Format 1 had a field for each metric of a binary task; 2 has them by name.
FORMAT: Literal[2] = 2


class EvaluationUnreadable(Final):
    """An `evaluation.json` of another format."""


class RivalFigures(Frozen):
    """Another model on the same holdout rows."""

    figures: Figures
    difference: Difference | None = None
    version: int | None = Field(None, description="in the registry, for the champion")
    is_baseline: bool = Field(False, description="is the champion the always-average model?")


class Slice(Frozen):
    """The holdout rows where ``column`` is ``value``."""

    column: str
    value: str
    candidate: Figures
    champion: Figures | None = None
    average: Figures | None = None


class Evaluation(Frozen):
    """A candidate on the holdout, which lies later in time than everything it was trained on.

    Attributes:
        task: the kind of task, whose metrics these are.
        average: the always-average baseline, which answers ``average_answer`` for every row.
        average_answer: made from the labels of the training rows.
        lightgbm: trained on the same features of the same rows.
        champion: today's, unless there is none; it is the baseline while no trained model was promoted.
        doubts: about the candidate's answers, in sentences; they miss no gate.
    """

    format: Literal[2] = FORMAT
    pipeline: str
    task: Task
    train_run: str
    run_id: str
    data_version: str
    data_until: str = Field(description="ISO 8601, UTC: the newest row of the snapshot")
    holdout_from: str = Field(description="ISO 8601, UTC")
    train_rows: int
    candidate: Figures
    average: Figures
    average_answer: float
    lightgbm: RivalFigures | None = None
    champion: RivalFigures | None = None
    slices: tuple[Slice, ...] = ()
    doubts: tuple[str, ...] = ()


class Artifacts(Protocol):
    """What is read of the registry."""

    def read_json(self, run_id: str, artifact: str) -> dict[str, Any]: ...


def read(artifacts: Artifacts, run_id: str) -> Evaluation:
    """What the evaluation of this training run found.

    Raises:
        NotInRegistry: it was not evaluated.
        EvaluationUnreadable: it was, by a version of Airworthy that wrote another format.
    """
    found = artifacts.read_json(run_id, FILE)
    if (written := found.get("format", 1)) != FORMAT:
        raise EvaluationUnreadable(
            f"{FILE} of run {run_id} has format {written}, expected {FORMAT}",
            next_step="clear the run's evaluate task in Airflow: it scores the same model and writes the file anew",
        )
    return Evaluation.model_validate(found)
