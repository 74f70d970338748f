"""`airworthy ledger`, `rollback`, `approve`, `reject`: what served when, who let it, and the way back."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from airworthy.cli.answer import approve, reject

if TYPE_CHECKING:
    from airworthy.ledger.events import Entry
    from airworthy.ledger.ledger import Ledger

__all__ = ["approve", "ledger", "reject", "rollback"]

Pipeline = Annotated[str | None, typer.Argument(help="Only this pipeline; all of them when left out.")]


def ledger(
    pipeline: Pipeline = None,
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
    else:
        _show(entries)


def rollback(
    pipeline: Annotated[str, typer.Argument(help="The pipeline whose champion goes back.")],
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; kept in the ledger.")],
    to: Annotated[int | None, typer.Option(help="An earlier champion; the one before when left out.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Put an earlier champion back at once; a running canary ends."""
    from airworthy.registry.registry import Registry
    from airworthy.release.controller import ReleaseController
    from airworthy.release.decisions import state
    from airworthy.settings import from_environment
    from airworthy.spec import folders

    settings = from_environment()
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


def _open() -> Ledger:
    from airworthy.ledger.ledger import Ledger
    from airworthy.settings import from_environment

    return Ledger(from_environment().ledger_url)


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

    if not entries:
        typer.echo("the ledger has no entries yet")
        return
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
