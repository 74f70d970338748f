"""Files, commands, targets and functions that a document names are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from tests.docs.markdown import ROOT, Page, pages

#: The changelog names what was.
PAGES = [page for page in pages() if page.name != "CHANGELOG.md"]
#: Beginnings of paths that belong to the repository.
FOLDERS = ("dags", "plugins", "include", "tests", "benchmarks", "deploy", "docs", "scripts")
PACKAGES = ("airworthy", "airworthy_cluster", "airworthy_local", "airworthy_demo", "airworthy_airflow")
COMMAND = re.compile(r"(?:^|[(\"]|bin/|(?<![\w/])\s)airworthy ([a-z][a-z-]*)")
IN_BASH = re.compile(rf"(?:^|[\s=\"'])((?:{'|'.join(FOLDERS)})/[\w./-]+)")


def shell(page: Page) -> list[str]:
    """Lines that a person would type."""
    return [line.strip() for language, text in page.fences if language == "bash" for line in text.splitlines()]


@cache
def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def commands() -> set[str]:
    """As the reference lists them; tests/docs/test_reference.py holds that to the code."""
    return set(re.findall(r"^## (\S+)$", (ROOT / "docs" / "reference" / "cli.md").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_and_folders_are_there(page: Page) -> None:
    named = [code for code in page.code if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./-]*", code)]
    named += [path for line in shell(page) for path in IN_BASH.findall(line)]
    # what a reader is about to make, in an instruction to make it
    made = {target for line in shell(page) for target in re.findall(r"^(?:cp -r|mkdir)\b.* (\S+)$", line)}
    made |= {path for path in named if any(path.startswith(f"{folder}/") for folder in made)}
    assert [path for path in named if not (ROOT / path).exists() and path not in made] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_make_targets_are_there(page: Page) -> None:
    lines = [*page.code, *shell(page)]
    named = {target for line in lines for target in re.findall(r"(?:^|[=\w]\s|/path )make ([a-z][a-z-]*)", line)}
    assert named - make_targets() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_commands_are_there(page: Page) -> None:
    lines = [*page.code, *shell(page)]
    named = {name for line in lines for name in COMMAND.findall(line)}
    assert named - commands() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_modules_classes_and_functions_are_there(page: Page) -> None:
    dotted = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
    named = {code for code in page.code if dotted.fullmatch(code)}
    assert sorted(name for name in named - tags() if not exists(name)) == []


@cache
def tags() -> frozenset[str]:
    """Tags in the registry look like modules: those that the code writes."""
    texts = [path.read_text() for path in (ROOT / "include" / "airworthy" / "registry").glob("*.py")]
    return frozenset(tag for text in texts for tag in re.findall(r'"(airworthy\.\w+)"', text))


def exists(name: str) -> bool:
    """Is there a module, or a name in a module, of this dotted name? Found by reading, without importing."""
    parts = name.split(".")
    for base in (ROOT / "include", ROOT / "plugins"):
        for length in range(len(parts), 0, -1):
            path = base.joinpath(*parts[:length])
            file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            if file.is_file():
                return defines(file, parts[length:])
            if path.is_dir():
                return length == len(parts)
    return False


def defines(file: Path, names: list[str]) -> bool:
    """Does the module define the first name, and within it the second, and so on?"""
    body: list[ast.stmt] = ast.parse(file.read_text(encoding="utf-8")).body
    for name in names:
        found = next((node for node in body if name in _bound(node)), None)
        if found is None:
            return False
        body = getattr(found, "body", [])
    return True


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def test_a_name_is_found_where_it_is_defined_and_nowhere_else() -> None:
    assert exists("airworthy.release.decisions.canary.verdict")
    assert exists("airworthy.ledger.ledger.Ledger.append")
    assert exists("airworthy.lake")
    assert not exists("airworthy.ledger.ledger.Ledger.forget")
    assert not exists("airworthy.ledger.book")
