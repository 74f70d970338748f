"""The example's `pipeline.yaml` as a mapping to spoil, and a way to write one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from airworthy.settings import PROJECT_ROOT

EXAMPLE = PROJECT_ROOT / "include" / "pipelines" / "flight_delays" / "pipeline.yaml"


@pytest.fixture
def document() -> dict[str, Any]:
    """The example, as YAML gives it."""
    return yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a mapping, or a text as it is, to ``<folder>/pipeline.yaml``."""

    def write(document: Any, folder: str = "flight_delays") -> Path:
        path = tmp_path / folder / "pipeline.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else yaml.safe_dump(document), encoding="utf-8")
        return path

    return write
