"""What several tests of the stack need."""

from __future__ import annotations

import pytest


@pytest.fixture
def java(tmp_path, monkeypatch):
    folder = tmp_path / "jdk" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))

    def install(version: str) -> None:
        (folder / "java").write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2021' >&2\n")
        (folder / "java").chmod(0o755)

    return install
