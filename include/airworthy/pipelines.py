"""Finds the pipeline folders and their code; a broken one does not take the others down."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from airworthy.spec import PipelineSpec, SpecError


@dataclass(frozen=True)
class Broken:
    """A pipeline folder that cannot be used, and why."""

    folder: Path
    error: SpecError


def discover(root: Path) -> tuple[list[PipelineSpec], list[Broken]]:
    """All pipelines below ``root``, sorted by name, and the broken ones."""
    specs: list[PipelineSpec] = []
    broken: list[Broken] = []
    for path in sorted(root.glob("*/pipeline.yaml")):
        try:
            specs.append(PipelineSpec.load(path))
        except SpecError as error:
            broken.append(Broken(path.parent, error))
    return specs, broken


def load(root: Path, name: str) -> PipelineSpec:
    """The pipeline called ``name``.

    Raises:
        SpecError: there is no such folder, or it is broken.
    """
    path = root / name / "pipeline.yaml"
    if not path.exists():
        known = sorted(p.parent.name for p in root.glob("*/pipeline.yaml"))
        raise SpecError(f"no pipeline {name!r} below {root}", next_step=f"one of {known}, or create {path}")
    return PipelineSpec.load(path)


def code(name: str, module: str) -> ModuleType:
    """The pipeline's own code, e.g. ``code("flight_delays", "features")``; ``include/`` is on the Python path."""
    return importlib.import_module(f"pipelines.{name}.{module}")
