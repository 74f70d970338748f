"""Which code made a model."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from airworthy.code_version import code_version


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "include"
    folder.mkdir()
    (folder / "a.py").write_text("a = 1\n", encoding="utf-8")
    return folder


def fresh(folder: Path) -> str:
    code_version.cache_clear()
    return code_version(folder)


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_without_a_repository_it_changes_with_the_sources_only(sources: Path) -> None:
    before = fresh(sources)
    assert before.startswith("sha256-")
    (sources / "__pycache__").mkdir()
    (sources / "__pycache__" / "a.pyc").write_bytes(b"1")
    assert fresh(sources) == before
    (sources / "a.py").write_text("a = 2\n", encoding="utf-8")
    assert fresh(sources) != before


def test_in_a_repository_it_is_the_commit_and_says_when_the_sources_differ(sources: Path) -> None:
    git(sources.parent, "init", "-q")
    git(sources.parent, "add", "include")
    git(sources.parent, "commit", "-q", "-m", "one")
    commit = git(sources.parent, "rev-parse", "HEAD")
    (sources.parent / "notes.txt").write_text("not a source", encoding="utf-8")
    assert fresh(sources) == commit
    (sources / "new.py").write_text("", encoding="utf-8")
    assert fresh(sources) == f"{commit}-dirty"
