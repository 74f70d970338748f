"""The house's own rules, that no linter knows: sizes, tests that mirror the code and run, what a DAG file may see."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "airworthy": "include",
    "airworthy_cluster": "include",
    "airworthy_local": "include",
    "airworthy_demo": "include",
    "airworthy_airflow": "plugins",
}
MODULES = sorted(
    path
    for package, folder in PACKAGES.items()
    for path in (ROOT / folder / package).rglob("*.py")
    if "__pycache__" not in path.parts
)
LONGEST = 300

#: Tests of several modules at once, by what they promise; every other test file is named after its module.
SPANNING = {
    "airworthy/training/test_end_to_end.py": "a training and its evaluation, as the pods run them",
    "airworthy/release/test_controller_on_mlflow.py": "a release against a real MLflow",
    "airworthy/test_contract_agreement.py": "the release and serving hold a model to the same contract",
    "airworthy/ingest/test_take_s3.py": "ingestion from and to S3",
    "airworthy/ingest/test_take_interrupted.py": "ingestion killed at every step, and on a full disk",
    "airworthy_cluster/test_kubectl.py": "the real kubectl against it",
    "airworthy_cluster/test_operator.py": "the real KubernetesPodOperator against it",
}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for_and_is_short_enough_to_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    said = ast.get_docstring(ast.parse(text))
    assert said, "the first line says what the file is for"
    assert len(text.splitlines()) <= LONGEST, f"over {LONGEST} lines: what is the second thing in it?"


def test_tests_lie_where_their_module_lies() -> None:
    homeless = []
    for package, folder in PACKAGES.items():
        for test in sorted((ROOT / "tests" / package).rglob("test_*.py")):
            name = str(test.relative_to(ROOT / "tests"))
            inside = test.relative_to(ROOT / "tests" / package)
            module = ROOT / folder / package / inside.with_name(inside.name.removeprefix("test_"))
            homes = (module, module.with_suffix(""), module.with_name(f"__{module.stem}__.py"))
            if not any(home.exists() for home in homes) and name not in SPANNING:
                homeless.append(name)
    assert not homeless, "no module of that name: rename the test with its module, or say in SPANNING what it spans"


def test_no_folder_of_tests_has_a_name_that_pytest_passes_over(pytestconfig: pytest.Config) -> None:
    tests = ROOT / "tests"
    folders = {part for test in tests.rglob("test_*.py") for part in test.relative_to(tests).parts[:-1]}
    passed_over = pytestconfig.getini("norecursedirs")
    assert [name for name in sorted(folders) if any(fnmatch(name, pattern) for pattern in passed_over)] == []


def test_dag_files_see_the_plugin_and_the_ground_and_nothing_else() -> None:
    allowed = ("airworthy_airflow", "airworthy.spec", "airworthy.settings", "airworthy.errors")
    seen = {
        (path.name, name)
        for path in (ROOT / "dags").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in _imported(node)
        if name.split(".")[0] in PACKAGES and not name.startswith(allowed)
    }
    assert not seen, "a DAG file wires; the work belongs into a step, and its call into airworthy_airflow.tasks"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []
