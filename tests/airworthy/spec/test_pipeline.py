"""A wrong pipeline.yaml gives an error that names file, key, value and what is allowed; code comes from beside it."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from airworthy.spec import folders
from airworthy.spec.pipeline import PipelineSpec, SpecError, json_schema

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "include" / "pipelines" / "flight_delays" / "pipeline.yaml"


@pytest.fixture
def document() -> dict[str, Any]:
    return yaml.safe_load(EXAMPLE.read_text())


def write(tmp_path: Path, document: Any, folder: str = "flight_delays") -> Path:
    path = tmp_path / folder / "pipeline.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return path


def test_the_example_is_valid_and_its_schema_agrees(document: dict[str, Any]) -> None:
    spec = PipelineSpec.load(EXAMPLE)
    jsonschema.validate(document, yaml.safe_load(json_schema()))
    assert spec.release.canary_percent == 5
    assert spec.release.max_p95_ms == 100
    assert spec.release.max_error_rate == 0.001


def test_the_committed_schema_for_editors_is_current() -> None:
    assert (ROOT / "include" / "pipelines" / "pipeline.schema.json").read_text() == json_schema()


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("release.canary_percent", 80, ["release.canary_percent", "80", "less than or equal to 50"]),
        ("release.approvers", [], ["release.approvers", "at least 1"]),
        ("release.approvals_required", 3, ["release.approvals_required", "3", "1 or 2"]),
        ("training.zero_stage", 9, ["training.zero_stage", "9", "0, 1 or 2"]),
        ("training.epochs", "many", ["training.epochs", "many", "integer"]),
        ("training.profile", "moon", ["training", "moon", "laptop"]),
        ("sources.flights.columns.year.type", "number", ["sources.flights.columns.year.type", "number", "timestamp"]),
        ("sources.flights.key", ["nope"], ["sources.flights", "nope"]),
        ("schedules.data", "sometimes", ["schedules", "sometimes", "five fields"]),
        (
            "sources.flights.columns.month",
            {"type": "int", "min": 12, "max": 1},
            ["sources.flights.columns.month", "min 12.0 is greater than max 1.0"],
        ),
        ("training.gpus", 4, ["training.gpus", "4", "not permitted"]),
        ("name", "Flight Delays", ["name", "Flight Delays"]),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_file(
    tmp_path: Path, document: dict[str, Any], key: str, value: Any, named: list[str]
) -> None:
    broken = copy.deepcopy(document)
    *parents, leaf = key.split(".")
    node = broken
    for parent in parents:
        node = node[parent]
    node[leaf] = value
    path = write(tmp_path, broken)

    with pytest.raises(SpecError) as raised:
        PipelineSpec.load(path)

    for part in [str(path), *named]:
        assert part in str(raised.value)
    assert "next:" in str(raised.value)


def test_a_missing_key_is_named(tmp_path: Path, document: dict[str, Any]) -> None:
    del document["release"]
    with pytest.raises(SpecError, match=r"release: Field required"):
        PipelineSpec.load(write(tmp_path, document))


def test_two_approvals_by_one_person_are_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    document["release"] |= {"approvals_required": 2, "approvers": ["ann", "ann"]}
    with pytest.raises(SpecError, match="2 approvals need as many different approvers"):
        PipelineSpec.load(write(tmp_path, document))


def test_a_model_without_a_feature_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    document["features"] = {"request": {}}
    with pytest.raises(SpecError, match="no feature at all"):
        PipelineSpec.load(write(tmp_path, document))


def test_a_feature_named_twice_is_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    document["features"]["views"]["weather"]["features"].append("distance")
    with pytest.raises(SpecError, match="named twice"):
        PipelineSpec.load(write(tmp_path, document))


@pytest.mark.parametrize(("text", "said"), [("a: [", "not YAML"), ("- 1\n", "expected a mapping"), ("", "NoneType")])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        PipelineSpec.load(write(tmp_path, text))


def test_the_name_must_be_the_folders(tmp_path: Path, document: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="is not the folder's name"):
        PipelineSpec.load(write(tmp_path, document, folder="other"))


def test_a_broken_folder_does_not_hide_the_others(tmp_path: Path, document: dict[str, Any]) -> None:
    write(tmp_path, document)
    write(tmp_path, "name: 3", folder="broken")
    specs, broken = folders.discover(tmp_path)
    assert [spec.name for spec in specs] == ["flight_delays"]
    assert [each.folder.name for each in broken] == ["broken"]


def test_an_unknown_pipeline_names_the_known_ones(tmp_path: Path, document: dict[str, Any]) -> None:
    write(tmp_path, document)
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
    assert folders.code(EXAMPLE.parents[1], "flight_delays", "request").__file__ == str(
        EXAMPLE.parent / "request.py"
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
