"""The evidence a person decides by: everything about one candidate in one document with one digest."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from airworthy.canonical import canonical_json, sha256


def _finite(value: object) -> object:
    # a slice with one class only has no ROC AUC; JSON has no NaN
    return None if isinstance(value, float) and not math.isfinite(value) else value


Metric = Annotated[float | None, BeforeValidator(_finite)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Figures(_Frozen):
    """How well one model does on some rows. ``log_loss`` in nats per row; rates are fractions of 1."""

    rows: int = Field(ge=0)
    roc_auc: Metric = None
    log_loss: Metric = None


class SliceFigures(_Frozen):
    """Champion against candidate on the rows where ``column`` is ``value``."""

    column: str
    value: str
    candidate: Figures
    champion: Figures | None = None


class Gate(_Frozen):
    """One condition the evaluation had to meet, and whether it did."""

    name: str
    passed: bool
    observed: Metric = None
    limit: Metric = None
    reason: str = ""


class Validation(_Frozen):
    """What Great Expectations said about the data trained on."""

    success: bool
    expectations: int = Field(0, ge=0)
    failures: tuple[str, ...] = ()
    docs: str = Field("", description="where the Data Docs page is: a path or an address")


class VariantFigures(_Frozen):
    """What one variant answered while the canary was watched."""

    requests: int = Field(ge=0)
    errors: int = Field(ge=0)
    p95_ms: Metric = None


class Canary(_Frozen):
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


class Evidence(_Frozen):
    """Everything about one candidate. Two documents with the same content have the same `digest`."""

    format: Literal[1] = 1
    pipeline: str
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
    gates: tuple[Gate, ...] = ()
    validation: Validation | None = None
    canary: Canary | None = None
    links: dict[str, str] = {}

    @property
    def digest(self) -> str:
        """Hexadecimal SHA-256 of the canonical JSON."""
        return sha256(canonical_json(self.model_dump(mode="json")))
