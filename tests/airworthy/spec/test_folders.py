"""Pipelines are found by their folders, and each one's code comes from beside its pipeline.yaml."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from airworthy.settings import PROJECT_ROOT
from airworthy.spec import folders
from airworthy.spec.pipeline import SpecError

PIPELINES = PROJECT_ROOT / "include" / "pipelines"
Write = Callable[..., Path]


def test_a_broken_folder_does_not_hide_the_others(write: Write, tmp_path: Path, document: dict[str, Any]) -> None:
    write(document)
    write("name: 3", folder="broken")
    specs, broken = folders.discover(tmp_path)
    assert [spec.name for spec in specs] == ["flight_delays"]
    assert [each.folder.name for each in broken] == ["broken"]


def test_an_unknown_pipeline_names_the_known_ones(write: Write, tmp_path: Path, document: dict[str, Any]) -> None:
    write(document)
    with pytest.raises(SpecError, match="flight_delays"):
        folders.load(tmp_path, "flights")


@pytest.fixture
def imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python's path and the pipelines' modules as they were, afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    for name in [name for name in sys.modules if name.startswith("pipelines.elsewhere")]:
        del sys.modules[name]


def folder_with_code(root: Path, name: str, text: str) -> Path:
    (root / name).mkdir(parents=True)
    (root / name / "features.py").write_text(text)
    return root


@pytest.mark.usefixtures("imports")
def test_code_comes_from_the_folder_of_its_specification(tmp_path: Path) -> None:
    root = folder_with_code(tmp_path / "pipelines", "elsewhere", "from pipelines.elsewhere.help import ANSWER\n")
    (root / "elsewhere" / "help.py").write_text("ANSWER = 42\n")
    assert folders.code(root, "elsewhere", "features").ANSWER == 42
    assert folders.code(PIPELINES, "flight_delays", "request").__file__ == str(
        PIPELINES / "flight_delays" / "request.py"
    ), "the other folders are still found"


@pytest.mark.usefixtures("imports")
def test_another_folders_code_of_the_same_name_is_refused_not_run(tmp_path: Path) -> None:
    folders.code(folder_with_code(tmp_path / "a" / "pipelines", "elsewhere", ""), "elsewhere", "features")
    other = folder_with_code(tmp_path / "b" / "pipelines", "elsewhere", "")
    with pytest.raises(folders.WrongCode, match=f"its pipeline.yaml from {other / 'elsewhere'}") as wrong:
        folders.code(other, "elsewhere", "features")
    assert f"put {other.parent} first on PYTHONPATH" in wrong.value.next_step


def test_a_folder_of_pipelines_is_called_pipelines(tmp_path: Path) -> None:
    with pytest.raises(folders.WrongCode, match="is not called pipelines"):
        folders.code(tmp_path / "models", "elsewhere", "features")
