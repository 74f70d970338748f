"""The command line: its commands, its errors, and that it imports nothing heavy until asked."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from airworthy.cli import main
from airworthy.errors import AirworthyError
from airworthy.settings import PROJECT_ROOT
from airworthy.spec.pipeline import json_schema

HELP_AND_WHAT_IT_IMPORTED = """
import sys
import airworthy.cli.main
sys.argv = ["airworthy", "--help"]
try:
    airworthy.cli.main.main()
except SystemExit:
    pass
print("heavy:", [name for name in ("mlflow", "torch", "airworthy_demo.main") if name in sys.modules])
"""


def airworthy(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "airworthy.cli.main", *arguments],
        capture_output=True,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT_ROOT / "include"),
            "COLUMNS": "120",
            **environment,
        },
        timeout=120,
    )


def test_help_names_every_command_without_importing_the_lazy_ones():
    shown = subprocess.run(
        [sys.executable, "-c", HELP_AND_WHAT_IT_IMPORTED],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT / "include")},
        timeout=120,
    ).stdout
    for command in ("up", "down", "status", "logs", "env", "users", "airflow", "schema", *main.LAZY):
        assert f" {command} " in shown
    assert "heavy: []" in shown


def test_an_error_for_people_has_its_next_step_and_no_traceback(tmp_path):
    done = airworthy("env", AIRWORTHY_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "there is no stack in" in done.stderr
    assert "next: airworthy up" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_said_plainly(monkeypatch, capsys):
    def full() -> None:
        raise OSError(28, "No space left on device", "/data/file")

    monkeypatch.setattr(main, "app", full)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 1
    assert "no space left on the disk: /data/file" in capsys.readouterr().err


def test_an_error_that_is_a_bug_keeps_its_traceback(monkeypatch):
    def bug() -> None:
        raise KeyError("x")

    monkeypatch.setattr(main, "app", bug)
    with pytest.raises(KeyError):
        main.main()


def test_square_brackets_in_an_error_are_shown_as_they_are(monkeypatch, capsys):
    def fail() -> None:
        raise AirworthyError("sources[0] is [red]", next_step="write [x]")

    monkeypatch.setattr(main, "app", fail)
    with pytest.raises(SystemExit):
        main.main()
    shown = capsys.readouterr().err
    assert "sources[0] is [red]" in shown
    assert "write [x]" in shown


def test_a_lazy_command_comes_from_its_module_with_its_options(tmp_path, monkeypatch):
    (tmp_path / "later.py").write_text("def greet(name: str, loud: bool = False) -> None:\n    print(name, loud)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(main.LAZY, "greet", ("later:greet", "Says a name."))
    monkeypatch.setenv("AIRWORTHY_HOME", str(tmp_path))
    from typer.testing import CliRunner

    assert CliRunner().invoke(main.app, ["greet", "you", "--loud"]).output == "you True\n"


def test_status_without_a_stack_says_how_to_start_one(tmp_path):
    done = airworthy("status", AIRWORTHY_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "airworthy up" in done.stdout


def test_down_without_a_stack_is_no_error(tmp_path):
    done = airworthy("down", AIRWORTHY_HOME=str(tmp_path))
    assert (done.returncode, done.stdout.strip()) == (0, "nothing was running")


def test_the_committed_schema_of_pipeline_yaml_is_current():
    committed = PROJECT_ROOT / "include" / "pipelines" / "pipeline.schema.json"
    assert committed.read_text() == json_schema(), "run `airworthy schema`"
