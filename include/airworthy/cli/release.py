"""`airworthy approve`, `reject`, `rollback`, `ledger`: who may serve, who did and who let it, and the way back."""

from __future__ import annotations

import getpass
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from airworthy.airflow_api.actions import Option
from airworthy.cli import addresses

if TYPE_CHECKING:
    from airworthy.ledger.events import Entry
    from airworthy.ledger.ledger import Ledger

Pipeline = Annotated[str, typer.Argument(help="The pipeline whose candidate waits, e.g. flight_delays.")]
Version = Annotated[int | None, typer.Option(help="Which candidate; needed only when several wait.")]
User = Annotated[str, typer.Option(envvar="AIRWORTHY_USER", help="Your Airflow user name.", prompt="Airflow user")]
Password = Annotated[
    str,
    typer.Option(
        envvar="AIRWORTHY_PASSWORD",
        help="Asked for when neither given nor in the environment.",
        prompt=True,
        hide_input=True,
    ),
]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; kept in the ledger.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not show the evidence and ask again.")]
Url = Annotated[
    str | None,
    # looked at before anybody is asked for a password
    typer.Option(
        envvar="AIRWORTHY_AIRFLOW_URL",
        help="Airflow's address.",
        callback=lambda given: given or addresses.variable("AIRWORTHY_AIRFLOW_URL"),
    ),
]


def approve(
    pipeline: Pipeline,
    *,
    url: Url = None,
    user: User,
    password: Password,
    reason: Reason,
    version: Version = None,
    yes: Yes = False,
) -> None:
    """Approve the candidate that waits: the same answer as in Airflow's Required Actions, by the same rules."""
    _respond("Approve", pipeline, version, Person(str(url), user, password), reason, yes)


def reject(
    pipeline: Pipeline,
    *,
    url: Url = None,
    user: User,
    password: Password,
    reason: Reason,
    version: Version = None,
    yes: Yes = False,
) -> None:
    """Reject the candidate that waits: its canary ends, the champion stays."""
    _respond("Reject", pipeline, version, Person(str(url), user, password), reason, yes)


def ledger(
    pipeline: Annotated[str | None, typer.Argument(help="Only this pipeline; all of them when left out.")] = None,
    release: Annotated[str | None, typer.Option(help="Only this release, e.g. flight_delays-v7.")] = None,
    last: Annotated[int, typer.Option(min=1, help="Show at most so many entries.")] = 40,
    at: Annotated[
        str | None, typer.Option(help="What served at this time? ISO 8601; UTC when no zone is given.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check the chain of hashes.")] = False,
    witness: Annotated[str | None, typer.Option(help="With --verify: a hash noted earlier that must be there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of lines to read.")] = False,
) -> None:
    """Show who let which version into production, and why."""
    book = _open()
    if verify or witness:
        count = book.verify(witness=witness)
        head = book.entries()[-1].hash if count else ""
        if as_json:
            typer.echo(json.dumps({"whole": True, "entries": count, "head": head}))
        else:
            typer.echo(f"the ledger is whole: {count} entries" + (f", the last one is {head}" if head else ""))
        return
    if at is not None:
        _served_at(book, pipeline, _time(at), as_json)
        return
    entries = book.entries(pipeline, release)[-last:]
    if as_json:
        typer.echo(json.dumps([entry.as_json() for entry in entries], indent=2))
    elif entries:
        _show(entries)
    else:
        typer.echo(f"the ledger at {book.shown_url} has no such entries")


def rollback(
    pipeline: Annotated[str, typer.Argument(help="The pipeline whose champion goes back.")],
    reason: Reason,
    to: Annotated[int | None, typer.Option(help="An earlier champion; the one before when left out.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Put an earlier champion back at once; a running canary ends."""
    from airworthy.registry.registry import Registry
    from airworthy.release.controller import ReleaseController
    from airworthy.release.decisions import state
    from airworthy.spec import folders

    settings = addresses.settings("ledger_url", "mlflow_url")
    spec = folders.load(settings.pipelines, pipeline)
    book = _open()
    entries = book.entries(pipeline)
    current, target = state.desired_state(entries).champion, state.restorable(entries, to)
    if target is not None and target != current and not yes:
        typer.confirm(f"{pipeline}: v{current} serves now; put v{target} back?", abort=True)
    control = ReleaseController(spec, Registry(settings.mlflow_url), book, settings)
    entry = control.restore(to, getpass.getuser(), reason)
    if entry.version == current:
        typer.echo(f"{pipeline}: v{current} is the champion already")
    else:
        typer.echo(
            f"{pipeline}: v{entry.version} is the champion again, v{current} is not; ledger entry {entry.position}"
        )


@dataclass(frozen=True)
class Person:
    """Who answers, and where they sign in."""

    url: str
    user: str
    password: str


def _respond(option: Option, pipeline: str, version: int | None, person: Person, reason: str, yes: bool) -> None:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.panel import Panel

    from airworthy.airflow_api import actions
    from airworthy.airflow_api.client import AirflowApi

    with AirflowApi(person.url, person.user, person.password, patience_seconds=5) as api:
        action = actions.waiting(api, pipeline, version)
        if not yes:
            Console().print(Panel(Markdown(action.body), title=action.subject))
            typer.confirm(f"{option} as {person.user}?", abort=True)
        actions.respond(api, action, option, reason)
    done = {"Approve": "approved", "Reject": "rejected"}[option]
    typer.echo(f"{done} as {person.user}: {action.subject.rstrip('?')}: {reason}")


def _open() -> Ledger:
    from airworthy.ledger.ledger import Ledger

    return Ledger(addresses.settings("ledger_url").ledger_url)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not ISO 8601, e.g. 2026-11-21T12:00", param_hint="--at") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _served_at(book: Ledger, pipeline: str | None, time: datetime, as_json: bool) -> None:
    names = [pipeline] if pipeline else sorted({entry.pipeline for entry in book.entries()})
    found = {name: book.served_at(name, time) for name in names}
    if as_json:
        typer.echo(json.dumps({name: served and served[1].as_json() for name, served in found.items()}, indent=2))
        return
    for name, served in found.items():
        if served is None:
            typer.echo(f"{name}: nothing served at {time.isoformat()}")
        else:
            version, entry = served
            typer.echo(
                f"{name}: v{version} served at {time.isoformat()}, {entry.event} by {entry.actor} at "
                f"{entry.time.isoformat(timespec='seconds')}" + (f": {entry.reason}" if entry.reason else "")
            )


def _show(entries: list[Entry]) -> None:
    """Two lines an entry, what happened and why: a table's columns would be cut off in a narrow terminal."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    colours = {"promoted": "green", "approved": "green", "bootstrapped": "green", "restored": "yellow"}
    colours |= dict.fromkeys(("refused", "rejected", "timed_out", "voided", "rolled_back", "not_counted"), "red")
    console, width = Console(highlight=False), len(str(entries[-1].position))
    for entry in entries:
        # as text: a reason in [brackets] is no markup
        line = Text(f"{entry.position:>{width}}  {entry.time:%Y-%m-%d %H:%M:%S} UTC  {entry.release_id}  ")
        line.append(entry.event, style=f"bold {colours.get(entry.event, '')}")
        line.append(f" by {entry.actor}")
        console.print(line, soft_wrap=True)
        if entry.reason:
            console.print(Padding(Text(entry.reason, style="dim"), (0, 0, 0, width + 2)))
