"""Kinds of task: what is predicted, and how well, each in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airworthy.model.kinds.base import Kind
from airworthy.model.kinds.binary import Binary

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.spec.tasks import Task

_KINDS: dict[Task, Kind] = {kind.name: kind for kind in (Binary(),)}


def of(spec: PipelineSpec) -> Kind:
    """The kind of a pipeline's task."""
    return _KINDS[spec.task]


def named(task: Task) -> Kind:
    """The kind that a document names."""
    return _KINDS[task]
