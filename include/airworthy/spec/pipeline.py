"""PipelineSpec: one model's `pipeline.yaml`, checked; each of its sections has a file of its own beside this one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator

from airworthy.errors import Final
from airworthy.spec.base import Name, Section
from airworthy.spec.features import FeatureSet
from airworthy.spec.gates import Gates
from airworthy.spec.monitoring import Monitoring
from airworthy.spec.release import Release
from airworthy.spec.schedules import Schedules
from airworthy.spec.sources import Source
from airworthy.spec.tasks import Task
from airworthy.spec.training import Training


class SpecError(Final):
    """A `pipeline.yaml` that cannot be used: names file, key, value and what is allowed."""


class Label(Section):
    """What is predicted: a column, empty while unknown; 0 or 1 for a binary task."""

    name: Name = Field(description="column of the feature table")
    description: str = Field("", description="what a 1 means, in words")


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
    task: Task = Field("binary", description="the kind of task, see airworthy.model.kinds")
    features: FeatureSet = Field(description="what the model sees")
    training: Training = Field(Training(), description="how a candidate is trained")
    gates: Gates = Field(Gates(), description="what a candidate must reach to be registered")
    release: Release = Field(description="canary and approval")
    monitoring: Monitoring = Field(Monitoring(), description="how production is looked at")

    @field_validator("gates")
    @classmethod
    def _gates_are_of_the_task(cls, gates: Gates, others: ValidationInfo) -> Gates:
        if "task" in others.data:  # else it is wrong itself, and said to be
            gates.check_metrics(others.data["task"])
        return gates

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
