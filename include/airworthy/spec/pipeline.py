"""PipelineSpec: one model's `pipeline.yaml`, checked. Every other module takes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, Field, StringConstraints, ValidationError, model_validator

from airworthy.errors import Final
from airworthy.spec.base import Fraction, Name, Section
from airworthy.spec.gates import Gates

Quantity = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti|k|M|G|T)?$")]
ColumnType = Literal["int", "float", "string", "timestamp", "bool"]


class SpecError(Final):
    """A `pipeline.yaml` that cannot be used: names file, key, value and what is allowed."""


class Column(Section):
    """What one raw column must be; rows that are not go to quarantine."""

    type: ColumnType = Field(description="what every value must be; a timestamp is ISO 8601 with Z or an offset")
    nullable: bool = Field(False, description="may a value be missing?")
    min: float | None = Field(None, description="smallest value allowed")
    max: float | None = Field(None, description="largest value allowed")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self


class Source(Section):
    """Raw files of one kind, and the contract of their rows."""

    path: str = Field(description="glob below the landing zone, e.g. flights/*.csv")
    key: list[str] = Field(min_length=1, description="columns that identify a row; the first copy wins")
    columns: dict[str, Column] = Field(min_length=1, description="the contract by column; others are ignored")
    partition_by: list[str] = Field([], description="columns whose values become folders of the raw table")

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        for field in ("key", "partition_by"):
            if unknown := set(getattr(self, field)) - set(self.columns):
                raise ValueError(f"{field} names {sorted(unknown)}, which are not among columns")
        return self


class Label(Section):
    """What is predicted: a column of 0 and 1, empty while unknown."""

    name: Name = Field(description="column of the feature table")
    description: str = Field("", description="what a 1 means, in words")


class RequestFeatures(Section):
    """Features a prediction request carries itself."""

    categorical: list[Name] = Field([], description="text; a value that training never saw counts as unknown")
    numeric: list[Name] = Field([], description="numbers")


class FeatureView(Section):
    """Numeric features looked up by an entity key: as of the prediction time offline, the latest online."""

    entity: Name = Field(description="the key's name: column of the view, and key of the lookup")
    features: list[Name] = Field(min_length=1, description="numeric columns of the view")
    ttl_days: int = Field(10, ge=1, description="an older value is treated as missing")


class Features(Section):
    """What the model sees: what the request carries itself, and what is looked up."""

    request: RequestFeatures = Field(description="known to the caller")
    views: dict[Name, FeatureView] = Field({}, description="looked up by an entity's key")

    @property
    def categorical(self) -> list[str]:
        """Model input order of the categorical features."""
        return list(self.request.categorical)

    @property
    def numeric(self) -> list[str]:
        """Model input order of the numeric features: the request's first, then each view's."""
        return [*self.request.numeric, *(name for view in self.views.values() for name in view.features)]

    @model_validator(mode="after")
    def _names_unique(self) -> Self:
        names = [*self.categorical, *self.numeric]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"features named twice: {twice}")
        if not names:
            raise ValueError("no feature at all")
        return self


class Profile(Section):
    """What a training pod asks of its node."""

    gpus: int = Field(0, ge=0, le=64, description="asked for as nvidia.com/gpu")
    processes: int = Field(1, ge=1, le=64, description="DeepSpeed processes; with GPUs, one per GPU")
    cpu: Quantity = Field("1", description="cores, as Kubernetes writes them")
    memory: Quantity = Field("2Gi", description="asked for and limit")
    node_selector: dict[str, str] = Field({}, description="labels that the node must have")
    tolerations: list[dict[str, Any]] = Field(
        [], description="taints of the node to put up with, as Kubernetes has them"
    )


class Training(Section):
    """How a candidate is trained, and on what."""

    epochs: int = Field(3, ge=1, le=1000, description="passes over the training rows; the best one is kept")
    batch_size: int = Field(1024, ge=1, description="rows of one step, over all processes")
    learning_rate: float = Field(0.002, gt=0, lt=1, description="highest one of AdamW's schedule")
    hidden: list[Annotated[int, Field(ge=1)]] = Field([256, 128], min_length=1, description="widths of the layers")
    embedding_dim: int = Field(8, ge=1, description="width of each categorical feature's embedding")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of a layer left out at each step")
    seed: int = Field(0, description="of the weights, the order of the rows and LightGBM")
    zero_stage: Literal[0, 1, 2] = Field(0, description="DeepSpeed's ZeRO stage")
    holdout_days: int = Field(31, ge=1, description="the newest days: scored, never trained on")
    min_rows: int = Field(1000, ge=10, description="fewer training rows than this are refused")
    timeout_minutes: int = Field(60, ge=1, description="a pod that takes longer is ended")
    image: str = Field("airworthy/trainer:latest", description="the pods' image; the local cluster ignores it")
    profile: Name = Field("laptop", description="which of the profiles is used")
    profiles: dict[Name, Profile] = Field({"laptop": Profile()}, description="what a pod may ask of its node, by name")

    @model_validator(mode="after")
    def _profile_exists(self) -> Self:
        if self.profile not in self.profiles:
            raise ValueError(f"profile {self.profile!r} is not among profiles {sorted(self.profiles)}")
        return self

    @property
    def resources(self) -> Profile:
        """The chosen profile."""
        return self.profiles[self.profile]


class Release(Section):
    """How a candidate comes to production."""

    canary_percent: float = Field(5, gt=0, le=50, description="the candidate's share of the live traffic")
    window_minutes: float = Field(30, gt=0, description="how long the canary is watched before people are asked")
    min_samples: int = Field(100, ge=1, description="answers of the canary that a verdict needs")
    max_p95_ms: float = Field(100, gt=0, description="95th percentile of the canary's latency")
    max_error_rate: Fraction = Field(0.001, description="share of the canary's requests that may fail")
    approvers: list[str] = Field(min_length=1, description="user names that may approve or reject")
    approvals_required: Literal[1, 2] = Field(1, description="how many different people must approve")
    trigger_may_approve: bool = Field(True, description="may the person who started the training approve it?")
    approval_timeout_hours: float = Field(72, gt=0, description="no answer by then is a no")

    @model_validator(mode="after")
    def _enough_approvers(self) -> Self:
        if len(set(self.approvers)) < self.approvals_required:
            raise ValueError(f"{self.approvals_required} approvals need as many different approvers")
        return self


class Windows(Section):
    """k of the last n windows violated, the last one included (hysteresis)."""

    violated: int = Field(2, ge=1, description="k")
    of: int = Field(3, ge=1, description="n")


class Monitoring(Section):
    """How production is looked at. Of these, only the prediction log's rate is used so far."""

    psi_threshold: float = Field(0.2, gt=0, description="population stability index above which a window is violated")
    windows: Windows = Field(Windows(), description="how many windows must be violated")
    min_rows: int = Field(1000, ge=1, description="a window with fewer rows says nothing")
    prediction_log_rate: Fraction = Field(1.0, description="share of the request keys whose answers are logged")


class Schedules(Section):
    """Cron expressions, UTC; null for "only when triggered"."""

    data: str | None = Field("0 5 * * *", description="when landed files are taken in")
    train: str | None = Field("0 7 * * 1", description="when a candidate is trained; a retrain request starts it too")

    @model_validator(mode="after")
    def _cron(self) -> Self:
        for name, value in (("data", self.data), ("train", self.train)):
            if value is not None and not re.fullmatch(r"@(hourly|daily|weekly|monthly|yearly)|\S+( \S+){4}", value):
                raise ValueError(f"{name}: {value!r} is not a cron expression of five fields")
        return self


class PipelineSpec(Section):
    """Everything that is particular to one model, except its code."""

    name: Name = Field(description="the folder's name; everything of this model is found by it")
    description: str = Field("", description="shown on the DAGs' pages")
    owner: str = Field("airworthy", description="shown by Airflow as the owner of the tasks")
    tags: list[str] = Field([], description="further tags of the DAGs")
    schedules: Schedules = Field(Schedules(), description="when the DAGs run")
    sources: dict[Name, Source] = Field(min_length=1, description="where raw data come from")
    key: Name = Field(description="column of the feature table that identifies a row")
    event_time: Name = Field(description="column: when what is predicted is due")
    prediction_time: Name = Field(description="column: when it is asked; no feature may know more")
    prediction_lead_minutes: int = Field(0, ge=0, description="how long before the event it is asked")
    known_at: Name = Field(description="column: when the label becomes known")
    label: Label = Field(description="what is predicted")
    task: Literal["binary"] = Field("binary", description="the kind of task, see airworthy.model.kinds")
    features: Features = Field(description="what the model sees")
    training: Training = Field(Training(), description="how a candidate is trained")
    gates: Gates = Field(Gates(), description="what a candidate must reach to be registered")
    release: Release = Field(description="canary and approval")
    monitoring: Monitoring = Field(Monitoring(), description="how production is looked at")

    @classmethod
    def load(cls, path: Path) -> PipelineSpec:
        """Read and check ``pipeline.yaml``.

        Raises:
            SpecError: it cannot be read, is not YAML, or a value is not allowed.
        """
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SpecError(f"{path}: cannot be read: {error.strerror}", next_step="create it") from error
        except yaml.YAMLError as error:
            raise SpecError(f"{path}: not YAML: {error}", next_step="fix the line named above") from error
        if not isinstance(document, dict):
            raise SpecError(f"{path}: expected a mapping of keys, found {type(document).__name__}")
        try:
            spec = cls.model_validate(document)
        except ValidationError as error:
            raise SpecError(
                "\n".join(_explain(path, problem) for problem in error.errors()),
                next_step=f"allowed keys and values: {schema_path(path)}",
            ) from error
        if spec.name != path.parent.name:
            raise SpecError(
                f"{path}: name: {spec.name!r} is not the folder's name {path.parent.name!r}",
                next_step="make the two the same: everything of this model is found by that name",
            )
        return spec


def _explain(path: Path, problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"]) or "(top level)"
    value = problem["input"]
    shown = "" if isinstance(value, dict | BaseModel) else f", found {json.dumps(value, default=str)[:80]}"
    return f"{path}: {key}: {problem['msg']}{shown}"


def schema_path(path: Path) -> Path:
    """Where the JSON schema for editors lies, beside the pipeline folders."""
    return path.parent.parent / "pipeline.schema.json"


def json_schema() -> str:
    """The JSON schema of ``pipeline.yaml``, for editors."""
    schema = PipelineSpec.model_json_schema()
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"
