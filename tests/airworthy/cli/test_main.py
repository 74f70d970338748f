"""The command line: its commands, its errors, and that it imports nothing heavy until asked."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from airworthy.cli import main
from airworthy.errors import AirworthyError
from airworthy.ledger.ledger import Ledger
from airworthy.settings import PROJECT_ROOT

HELP_AND_WHAT_IT_IMPORTED = """
import sys
import airworthy.cli.main
sys.argv = ["airworthy", "--help"]
try:
    airworthy.cli.main.main()
except SystemExit:
    pass
heavy = ("mlflow", "torch", "pydantic", "airworthy_demo.main", "airworthy_local", "airworthy.settings")
print("heavy:", [name for name in heavy if name in sys.modules])
"""

#: `airworthy`, on a machine where these are not installed.
WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"airworthy_local", "airworthy_cluster", "airworthy_demo", "airflow", "pyspark"}:
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Missing())
from airworthy.cli.main import main
main()
"""


def airworthy(*arguments, script=None, **environment):
    program = ["-m", "airworthy.cli.main"] if script is None else ["-c", script]
    return subprocess.run(
        [sys.executable, *program, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT_ROOT / "include"),
            "COLUMNS": "120",
            # whatever this checkout's own stack has left behind is none of the test's business
            "AIRWORTHY_HOME": str(PROJECT_ROOT / ".no-such-home"),
            **environment,
        },
        timeout=120,
    )


def test_help_groups_every_command_by_what_people_want_and_imports_none_of_them():
    shown = airworthy(script=HELP_AND_WHAT_IT_IMPORTED).stdout
    places = {heading: shown.index(f"─ {heading} ─") for heading in (main.RUN, main.DATA, main.RELEASE, main.PIPELINE)}
    assert list(places.values()) == sorted(places.values())
    for name, command in main.COMMANDS.items():
        place = shown.index(f" {name} ", places[command.panel])
        assert max(heading for heading in places.values() if heading < place) == places[command.panel], name
        assert command.help in shown, "a line in the list is not cut off"
    assert "heavy: []" in shown


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_of_the_list_is_there_and_says_what_it_does(name, tmp_path):
    done = airworthy(name, "--help", AIRWORTHY_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert f"Usage: python -m airworthy.cli.main {name}" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_command_is_named(tmp_path):
    done = airworthy("promote", AIRWORTHY_HOME=str(tmp_path))
    assert done.returncode == 2 and "No such command 'promote'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["ledger"], "AIRWORTHY_LEDGER_URL"),
        (["ledger", "--verify"], "AIRWORTHY_LEDGER_URL"),
        (["rollback", "flight_delays", "-m", "x"], "AIRWORTHY_LEDGER_URL"),
        (["quarantine", "flight_delays"], "AIRWORTHY_LAKE"),
        (["approve", "flight_delays", "-m", "x"], "AIRWORTHY_AIRFLOW_URL"),
        (["reject", "flight_delays", "-m", "x"], "AIRWORTHY_AIRFLOW_URL"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_without_an_address_a_command_names_the_variable_asks_nothing_and_makes_nothing(tmp_path, arguments, missing):
    done = airworthy(*arguments, script=WITHOUT, AIRWORTHY_HOME=str(tmp_path / "home"))
    assert done.returncode == 1
    assert f"{missing} is not set" in done.stderr and f"export {missing}" in done.stderr
    assert "Airflow user" not in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_ledger_and_the_quarantine_need_an_address_and_nothing_of_the_local_stack(tmp_path):
    (tmp_path / "home").mkdir()  # the folder alone is no stack
    where = {"AIRWORTHY_HOME": str(tmp_path / "home")}
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    assert "no such entries" in airworthy("ledger", script=WITHOUT, AIRWORTHY_LEDGER_URL=url, **where).stdout
    assert not (tmp_path / "ledger.db").exists(), "looking makes no ledger"
    ledger = Ledger(url)
    ledger.append(
        pipeline="flights",
        release_id="flights-v2",
        version=2,
        event="candidate",
        actor="ann",
        key="flights-v2:candidate",
    )
    ledger.close()
    shown = airworthy("ledger", script=WITHOUT, AIRWORTHY_LEDGER_URL=url, **where)
    assert "flights-v2  candidate by ann" in shown.stdout, shown.stderr
    lake = str(tmp_path / "lake")
    done = airworthy("quarantine", "flight_delays", script=WITHOUT, AIRWORTHY_LAKE=lake, **where)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "home").iterdir()) == []


def test_approve_and_rollback_get_as_far_as_the_service_without_a_local_stack(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}"
    person = {"AIRWORTHY_USER": "ann", "AIRWORTHY_PASSWORD": "x"}
    where = {"AIRWORTHY_AIRFLOW_URL": nobody, "AIRWORTHY_HOME": str(tmp_path / "home")}
    done = airworthy("approve", "flight_delays", "-m", "x", script=WITHOUT, **person, **where)
    assert f"Airflow does not answer at {nobody}" in done.stderr
    where = {"AIRWORTHY_MLFLOW_URL": nobody, "AIRWORTHY_LEDGER_URL": f"sqlite:///{tmp_path / 'ledger.db'}"}
    done = airworthy("rollback", "flight_delays", "-m", "x", script=WITHOUT, **where)
    assert "none before it" in done.stderr, done.stderr
    assert list(tmp_path.iterdir()) == []


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
    monkeypatch.setitem(main.COMMANDS, "greet", main.Command("later:greet", main.DATA, "Says a name.", True))
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
