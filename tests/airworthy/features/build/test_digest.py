"""The digest changes with what decides the features' values, and with nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from airworthy.features.build import digest
from airworthy.features.build.digest import features_digest
from airworthy.settings import PROJECT_ROOT
from airworthy.spec.pipeline import PipelineSpec

PIPELINES = PROJECT_ROOT / "include" / "pipelines"


@pytest.fixture
def pipelines(spec: PipelineSpec, tmp_path: Path) -> Path:
    """A copy to change."""
    shutil.copytree(PIPELINES / spec.name, tmp_path / spec.name)
    return tmp_path


def change(path: Path) -> None:
    with path.open("a") as file:
        file.write("# changed\n")


def test_it_is_the_same_wherever_the_folder_lies(spec: PipelineSpec, pipelines: Path) -> None:
    assert features_digest(spec, pipelines) == features_digest(spec, PIPELINES)
    assert len(features_digest(spec, pipelines)) == 12


def test_it_follows_the_pipelines_code_but_not_its_expectations(spec: PipelineSpec, pipelines: Path) -> None:
    before = features_digest(spec, pipelines)
    change(pipelines / spec.name / "expectations.py")
    assert features_digest(spec, pipelines) == before
    for name in ("features.py", "request.py", "times.py"):
        change(pipelines / spec.name / name)
        assert features_digest(spec, pipelines) != before, name
        before = features_digest(spec, pipelines)


def test_it_follows_what_the_specification_says_of_features_and_nothing_else_of_it(
    spec: PipelineSpec, pipelines: Path
) -> None:
    before = features_digest(spec, pipelines)
    assert features_digest(spec.model_copy(update={"description": "other words"}), pipelines) == before
    assert features_digest(spec.model_copy(update={"prediction_lead_minutes": 60}), pipelines) != before


def test_it_covers_the_whole_folder_of_the_build_and_no_more(
    spec: PipelineSpec, pipelines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tmp_path / "features" / "build"
    shutil.copytree(Path(digest.__file__).parent, build)
    (build.parent / "session.py").touch()
    monkeypatch.setattr(digest, "__file__", str(build / "digest.py"))
    before = features_digest(spec, pipelines)
    assert before == features_digest(spec, PIPELINES)
    change(build.parent / "session.py")
    assert features_digest(spec, pipelines) == before
    for name in sorted(path.name for path in build.glob("*.py")):
        change(build / name)
        assert features_digest(spec, pipelines) != before, name
        before = features_digest(spec, pipelines)
