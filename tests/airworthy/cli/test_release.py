"""`airworthy ledger` and `airworthy rollback` as typed by a person."""

import getpass
import json
from datetime import UTC, datetime, timedelta

import pytest
import typer
from releases import Releases
from small_models import SPEC
from typer.testing import CliRunner

from airworthy.airflow_api import client
from airworthy.airflow_api.actions import NothingToAnswer
from airworthy.airflow_api.client import RequiredAction
from airworthy.cli import release
from airworthy.ledger.ledger import LedgerTampered


@pytest.fixture
def releases(tmp_path, monkeypatch):
    releases = Releases(tmp_path)
    monkeypatch.setenv("AIRWORTHY_HOME", str(tmp_path))
    monkeypatch.setenv("AIRWORTHY_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv("AIRWORTHY_MLFLOW_URL", "http://mlflow.example")
    monkeypatch.setattr("airworthy.spec.folders.load", lambda root, name: SPEC)
    monkeypatch.setattr("airworthy.registry.registry.Registry", lambda url: releases.registry)
    yield releases
    releases.ledger.close()


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(release.ledger)
    app.command()(release.rollback)
    app.command()(release.approve)
    app.command()(release.reject)
    return lambda *words, **more: CliRunner().invoke(app, words, **more)


def test_the_ledger_names_who_did_what_to_which_release_in_a_narrow_terminal_too(releases, run):
    releases.answer(2, releases.asked(2), user="mallory", reason="x")
    releases.control.roll_back(2, reason="see [the log]")
    shown = run("ledger", "flights", env={"COLUMNS": "40"}).output
    assert "see [the log]" in shown
    heads = [line.split() for line in shown.splitlines() if " UTC " in line]
    assert [words[5] for words in heads] == releases.events()
    assert [words[7] for words in heads] == [entry.actor for entry in releases.ledger.entries()]
    assert all("…" not in line for line in shown.splitlines()), "nothing is cut off"
    assert "flights-v2" in shown and "mallory" in shown


def test_the_ledger_as_json_holds_every_field(releases, run):
    releases.promoted(2)
    entries = json.loads(run("ledger", "--json", "--release", "flights-v2", "--last", "1").output)
    assert entries == [releases.ledger.entries()[-1].as_json()]


def test_what_served_when(releases, run):
    entry = releases.promoted(2)
    now = (datetime.now(UTC) + timedelta(seconds=1)).replace(tzinfo=None).isoformat()
    assert f"v2 served at {now}+00:00, promoted by ann" in run("ledger", "flights", "--at", now).output
    before = (entry.time - timedelta(microseconds=1)).isoformat()
    assert "v1 served" in run("ledger", "--at", before).output
    assert "nothing served" in run("ledger", "flights", "--at", "2020-01-01").output
    assert run("ledger", "--at", "yesterday").exit_code == 2


def test_verify_says_whether_the_chain_is_whole(releases, run):
    releases.promoted(2)
    head = releases.ledger.entries()[-1].hash
    assert f"the last one is {head}" in run("ledger", "--verify").output
    with pytest.raises(LedgerTampered):
        run("ledger", "--witness", "0" * 64, catch_exceptions=False)


def test_rollback_asks_then_puts_the_champion_before_back(releases, run):
    releases.promoted(2)
    asked = run("rollback", "flights", "-m", "wrong about snow", input="n\n")
    assert asked.exit_code == 1 and "v2 serves now; put v1 back?" in asked.output
    assert releases.serving()[0] == 2
    done = run("rollback", "flights", "-m", "wrong about snow", "--yes")
    assert "v1 is the champion again, v2 is not" in done.output
    assert releases.serving()[0] == 1
    entry = releases.ledger.entries()[-1]
    assert (entry.event, entry.actor, entry.reason) == ("restored", getpass.getuser(), "wrong about snow")


def test_rollback_without_a_reason_is_refused(releases, run):
    assert run("rollback", "flights", "--yes").exit_code == 2


def test_a_ledger_without_entries_says_where_it_looked(tmp_path, monkeypatch, run):
    monkeypatch.setenv("AIRWORTHY_LEDGER_URL", f"sqlite:///{tmp_path / 'none.db'}")
    assert "none.db has no such entries" in run("ledger").output
    assert json.loads(run("ledger", "--json").output) == []
    assert list(tmp_path.iterdir()) == []


class FakeApi:
    """Airflow with one release that waits; it remembers what it was answered."""

    responses: list[tuple[str, str, dict]] = []

    def __init__(self, url, user, password, *, patience_seconds):
        self.user = user

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def required_actions(self, dag_id):
        assert dag_id == "flights.release"
        return [
            RequiredAction(
                dag_id, "flights-v3", "approve", -1, "Release flights v3?", "### Quality", {"evidence": "d1"}
            )
        ]

    def respond(self, action, option, fields):
        self.responses.append((self.user, option, fields))


@pytest.mark.parametrize(("command", "option"), [("approve", "Approve"), ("reject", "Reject")])
def test_answering_shows_the_evidence_asks_and_ties_the_answer_to_it(monkeypatch, run, command, option):
    monkeypatch.setattr(client, "AirflowApi", FakeApi)
    monkeypatch.setattr(FakeApi, "responses", [])
    person = ["--user", "ann", "--password", "x", "--url", "http://airflow"]
    asked = run(command, "flights", "-m", "looked", *person, input="n\n")
    assert asked.exit_code == 1 and "Quality" in asked.output and f"{option} as ann?" in asked.output
    assert FakeApi.responses == []
    done = run(command, "flights", "-m", "looked", "--yes", *person)
    assert done.exit_code == 0, done.output
    assert FakeApi.responses == [("ann", option, {"evidence": "d1", "reason": "looked"})]
    other = run(command, "flights", "-m", "looked", "--yes", "--version", "4", *person)
    assert isinstance(other.exception, NothingToAnswer)


def test_a_person_who_is_not_named_is_asked_for_name_and_password(monkeypatch, run):
    monkeypatch.setattr(client, "AirflowApi", FakeApi)
    monkeypatch.setattr(FakeApi, "responses", [])
    done = run("approve", "flights", "-m", "x", "--yes", "--url", "http://airflow", input="bob\nsecret\n")
    assert "Airflow user: bob" in done.output and "secret" not in done.output
    assert FakeApi.responses[0][0] == "bob"
