"""The evidence a person decides by: everything about one candidate in one document with one digest."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from airworthy.canonical import canonical_json, sha256
from airworthy.errors import Final
from airworthy.model.kinds.base import Figure, Figures, Frozen
from airworthy.spec.tasks import Task

#: Format 1 had a field for each metric of a binary task; 2 has them by name.
FORMAT: Literal[2] = 2


class EvidenceUnreadable(Final):
    """Evidence of another format: read as this one, it would have another digest than the one people answered to."""


class SliceFigures(Frozen):
    """Champion against candidate on the rows where ``column`` is ``value``."""

    column: str
    value: str
    candidate: Figures
    champion: Figures | None = None


class Gate(Frozen):
    """One condition the evaluation had to meet, and whether it did."""

    name: str
    passed: bool
    observed: Figure = None
    limit: Figure = None
    reason: str = ""


class Validation(Frozen):
    """What Great Expectations said about the data trained on."""

    success: bool
    expectations: int = Field(0, ge=0)
    failures: tuple[str, ...] = ()
    docs: str = Field("", description="where the Data Docs page is: a path or an address")


class VariantFigures(Frozen):
    """What one variant answered while the canary was watched."""

    requests: int = Field(ge=0)
    errors: int = Field(ge=0)
    p95_ms: Figure = None


class Canary(Frozen):
    """The canary's window and its verdict."""

    percent: float
    outcome: str
    reason: str
    challenger: VariantFigures
    champion: VariantFigures

    @property
    def share(self) -> float | None:
        """The candidate's measured share of all requests, in percent."""
        total = self.challenger.requests + self.champion.requests
        return 100 * self.challenger.requests / total if total else None


class Evidence(Frozen):
    """Everything about one candidate. Two documents with the same content have the same `digest`.

    Attributes:
        task: the kind of task, whose headline metrics the figures hold.
        doubts: the evaluation's, about the candidate's answers.
    """

    format: Literal[2] = FORMAT
    pipeline: str
    task: Task
    version: int
    release_id: str
    triggered_by: str = Field(description="who or what started the training")
    train_run: str = ""
    data_version: str = ""
    data_until: str = ""
    raw_versions: dict[str, str] = {}
    code_version: str = ""
    champion_version: int | None = None
    champion_is_baseline: bool = False
    candidate: Figures
    champion: Figures | None = None
    average: Figures | None = Field(None, description="the always-average baseline on the same rows")
    lightgbm: Figures | None = Field(None, description="a LightGBM trained on the same features")
    slices: tuple[SliceFigures, ...] = ()
    doubts: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    validation: Validation | None = None
    canary: Canary | None = None
    links: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _is_of_this_format(cls, found: Any) -> Any:
        written = found.get("format", FORMAT) if isinstance(found, dict) else FORMAT
        if written != FORMAT:
            raise EvidenceUnreadable(
                f"the evidence of {found.get('release_id')} has format {written}, expected {FORMAT}",
                next_step="reject this release (`airworthy reject`) and train again",
            )
        return found

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256 of the canonical JSON."""
        return sha256(canonical_json(self.model_dump(mode="json")))
