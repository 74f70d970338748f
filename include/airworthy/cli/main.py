"""The command line: every command by name, loaded when it runs, and errors shown to people with their next step."""

from __future__ import annotations

import errno
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from airworthy.errors import AirworthyError

RUN, DATA, RELEASE, PIPELINE = "Run it here", "Data", "Release", "Pipeline"


@dataclass(frozen=True)
class Command:
    """A command that is imported when it runs, not before, so that the others do not wait for (or break with) it.

    Attributes:
        target: "module:function".
        panel: under which heading it is listed, by what people want.
        help: its line in the list.
        speaks_to_deployment: it needs addresses: a stack that exists here fills in those that the environment lacks.
        context: click's settings.
    """

    target: str
    panel: str
    help: str
    speaks_to_deployment: bool = False
    context: dict[str, Any] = field(default_factory=dict)

    def load(self, name: str) -> Any:
        """The command itself."""
        if self.speaks_to_deployment:
            from airworthy.cli.addresses import fill_from_stack

            fill_from_stack()
        module, _, function = self.target.partition(":")
        return _command(name, getattr(importlib.import_module(module), function), context_settings=self.context)

    def line(self, name: str) -> Any:
        """Enough of it for the list of commands."""
        return _command(name, lambda: None, help=self.help, rich_help_panel=self.panel)


_HANDS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
COMMANDS: dict[str, Command] = {
    "up": Command("airworthy.cli.run:up", RUN, "Start Airflow, MLflow, the local cluster and serving."),
    "down": Command("airworthy.cli.run:down", RUN, "Stop them and everything they started; their state stays."),
    "status": Command("airworthy.cli.run:status", RUN, "Every process and its health."),
    "logs": Command("airworthy.cli.run:logs", RUN, "What the processes say."),
    "env": Command("airworthy.cli.run:env", RUN, "The stack's environment as shell exports."),
    "users": Command("airworthy.cli.run:users", RUN, "Who may sign in to Airflow, and with which password."),
    "airflow": Command("airworthy.cli.run:airflow", RUN, "Airflow's own command line on the stack.", context=_HANDS_ON),
    "demo": Command("airworthy_demo.main:run", RUN, "The main job end to end, on the real New York flights.", True),
    "replay": Command("airworthy_demo.replay:replay", DATA, "Play the year: files, requests and labels.", True),
    "quarantine": Command("airworthy.cli.data:quarantine", DATA, "What was refused of the files, and why.", True),
    "approve": Command("airworthy.cli.release:approve", RELEASE, "Let the candidate that waits serve.", True),
    "reject": Command("airworthy.cli.release:reject", RELEASE, "End its canary; the champion stays.", True),
    "rollback": Command("airworthy.cli.release:rollback", RELEASE, "Give all traffic to an earlier champion.", True),
    "ledger": Command("airworthy.cli.release:ledger", RELEASE, "What was released, when, and who let it.", True),
    "schema": Command("airworthy.cli.pipeline:schema", PIPELINE, "Write the JSON schema of pipeline.yaml for editors."),
}


class Commands(TyperGroup):
    """The commands of ``COMMANDS``."""

    # contexts and commands are typed loosely: typer carries its own copy of click, and those names are private

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return COMMANDS[cmd_name].line(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, _, rest = super().resolve_command(ctx, args)  # an unknown name ends here
        return name, COMMANDS[str(name)].load(str(name)), rest


def _command(name: str, function: Callable[..., Any], **options: Any) -> Any:
    single = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    single.command(name, **options)(function)
    return typer.main.get_command(single)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def airworthy() -> None:
    """From raw data to approved production, and kept there.

    `airworthy up` starts everything on this machine.
    Data and Release speak to any deployment: set the AIRWORTHY_* addresses they ask for.
    """


def main() -> None:
    """Run a command; errors made for people are shown without a traceback, with the next step."""
    errors = Console(stderr=True, highlight=False)
    try:
        app()
    except AirworthyError as error:
        errors.print(Text(error.message, style="red"), soft_wrap=True)
        if error.next_step:
            errors.print(Text(f"  next: {error.next_step}"), soft_wrap=True)
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        errors.print(Text(f"no space left on the disk: {error.filename or error}", style="red"))
        errors.print("  next: free some space, or keep the state elsewhere: AIRWORTHY_HOME=/path airworthy up")
        sys.exit(1)


if __name__ == "__main__":
    main()
