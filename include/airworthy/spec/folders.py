"""Finds the pipeline folders and their code; a broken one does not take the others down."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from airworthy.errors import AirworthyError
from airworthy.spec.pipeline import PipelineSpec, SpecError


class WrongCode(AirworthyError):
    """A pipeline's code and its specification are not from the same folder."""


@dataclass(frozen=True)
class BrokenFolder:
    """A pipeline folder that cannot be used, and why."""

    folder: Path
    error: SpecError


def discover(root: Path) -> tuple[list[PipelineSpec], list[BrokenFolder]]:
    """All pipelines below ``root``, sorted by name, and the broken ones."""
    specs: list[PipelineSpec] = []
    broken: list[BrokenFolder] = []
    for path in sorted(root.glob("*/pipeline.yaml")):
        try:
            specs.append(PipelineSpec.load(path))
        except SpecError as error:
            broken.append(BrokenFolder(path.parent, error))
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


def code(root: Path, name: str, module: str) -> ModuleType:
    """The pipeline's own code, e.g. ``code(root, "flight_delays", "features")``.

    The folders are the namespace package ``pipelines``, so they import one another's modules by that name.

    Args:
        root: the folder that holds the pipeline's folder.
        name: the pipeline.
        module: a module of it.

    Raises:
        WrongCode: Python finds another folder's code under that name.
        ImportError: there is no such module, or it cannot be imported.
    """
    root = root.resolve()
    if root.name != "pipelines":
        raise WrongCode(f"{root} is not called pipelines", next_step="rename it: its code is imported by that name")
    if str(root.parent) not in sys.path:
        sys.path.insert(0, str(root.parent))
        importlib.invalidate_caches()
    found = importlib.import_module(f"pipelines.{name}.{module}")
    file = getattr(found, "__file__", None)
    if file is not None and Path(file).resolve().parent != root / name:
        raise WrongCode(
            f"the code of {name} comes from {Path(file).parent}, its pipeline.yaml from {root / name}",
            next_step=f"put {root.parent} first on PYTHONPATH, or unset AIRWORTHY_PIPELINES",
        )
    return found
