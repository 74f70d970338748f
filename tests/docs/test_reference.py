"""docs/reference says what the code says, and the code says something about everything that people use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.reference import __main__ as reference
from scripts.reference import ledger_events, markdown
from scripts.reference import settings as settings_page

ROOT = Path(__file__).resolve().parents[2]


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.reference", "--check"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'plugins'}", **environment},
    )


def test_no_page_is_behind_the_code_whatever_the_terminal_and_the_environment() -> None:
    done = check(
        COLUMNS="40", FORCE_COLOR="1", AIRWORTHY_LAKE="s3://elsewhere", AIRWORTHY_PORT_AIRFLOW="9080", HOME="/"
    )
    assert done.returncode == 0, done.stderr


def test_a_page_that_is_behind_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "ROOT", tmp_path)
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    monkeypatch.setattr(reference, "PAGES", {"one.md": lambda: "new\n", "two.md": lambda: "same\n"})
    (tmp_path / "one.md").write_text("old\n")
    (tmp_path / "two.md").write_text("same\n")
    (tmp_path / "three.md").write_text("of nothing\n")
    said: list[str] = []
    monkeypatch.setattr("builtins.print", lambda *parts, **_: said.append(" ".join(map(str, parts))))

    assert reference.main(["--check"]) == 1
    assert [line.split()[0] for line in said] == ["one.md", "three.md"]
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    assert (tmp_path / "one.md").read_text() == "new\n" and not (tmp_path / "three.md").exists()


def test_what_has_no_description_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from airworthy.ledger import events

    monkeypatch.setattr(events, "MEANINGS", {**events.MEANINGS, "promoted": " "})
    with pytest.raises(markdown.Undescribed, match="promoted"):
        ledger_events.ledger_events()


def test_every_event_says_what_happened() -> None:
    from airworthy.ledger.events import EVENTS, MEANINGS

    assert tuple(MEANINGS) == EVENTS
    assert all(meaning.strip() for meaning in MEANINGS.values())


def test_every_variable_that_the_project_reads_or_sets_is_explained() -> None:
    page = settings_page.settings()
    files = [ROOT / name for name in ("airflow_settings.yaml", "docker-compose.yaml", "Dockerfile", "Makefile")]
    for folder in ("include", "plugins", "dags"):
        files += (ROOT / folder).rglob("*.py")
    # AIRFLOW_CONN_AIRWORTHY_LAKE is Airflow's; AIRWORTHY_PORT_{name} and the like end in what is filled in
    named = {
        name
        for path in files
        for name in re.findall(r"(?<![A-Z_])AIRWORTHY_[A-Z_]*[A-Z](?![A-Z_{<])", path.read_text(encoding="utf-8"))
    }
    assert {name for name in named if f"`{name}`" not in page} == set()
