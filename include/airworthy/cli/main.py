"""The command line: `airworthy up | down | status | logs | env | users`, and the commands of other modules."""

from __future__ import annotations

import errno
import importlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from airworthy.errors import AirworthyError
from airworthy_local.stack import Stack

#: Commands that other modules bring: "module:function" and the line in the list of commands. They are imported when
#: they run, not before, so `airworthy --help` and `airworthy down` do not wait for (or break with) their libraries.
LAZY = {
    "demo": ("airworthy_demo.main:run", "The main job end to end, on the real New York flights of 2013."),
    "replay": ("airworthy_demo.replay:replay", "Play the year: land files, send requests, bring labels."),
    "quarantine": ("airworthy.cli.data:quarantine", "What was refused of the landed files, and why."),
    "approve": ("airworthy.cli.release:approve", "Answer a release's required action: promote it."),
    "reject": ("airworthy.cli.release:reject", "Answer a release's required action: roll it back."),
    "rollback": ("airworthy.cli.release:rollback", "Give all traffic back to an earlier champion."),
    "ledger": ("airworthy.cli.release:ledger", "What was released, when, and who let it."),
}


class Commands(TyperGroup):
    """The commands of this file and of ``LAZY``."""

    # contexts and commands are typed loosely: typer carries its own copy of click, and those names are private

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *LAZY]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in LAZY:  # enough for a line in the list; the real command comes when it runs
            return _command(cmd_name, lambda: None, help=LAZY[cmd_name][1])
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name in LAZY else command, rest


def _load(name: str) -> Any:
    # the commands speak to the stack of this project unless the environment names other addresses
    stack = Stack()
    if stack.known():
        for variable, value in stack.own_environment().items():
            if variable.startswith("AIRWORTHY_"):
                os.environ.setdefault(variable, value)
    module, _, function = LAZY[name][0].partition(":")
    return _command(name, getattr(importlib.import_module(module), function))


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
    help="From raw data to approved production, and kept there. `airworthy up` starts everything on this machine.",
)
console = Console(highlight=False)

AirflowPort = Annotated[int | None, typer.Option(help="Airflow's UI and API; default 8080, or AIRWORTHY_PORT_AIRFLOW.")]
MlflowPort = Annotated[int | None, typer.Option(help="MLflow; default 5500, or AIRWORTHY_PORT_MLFLOW.")]
ServingPort = Annotated[int | None, typer.Option(help="Inference; default 8600, or AIRWORTHY_PORT_SERVING.")]
ClusterPort = Annotated[int | None, typer.Option(help="Local cluster; default 6500, or AIRWORTHY_PORT_CLUSTER.")]


@app.command()
def up(
    airflow_port: AirflowPort = None,
    mlflow_port: MlflowPort = None,
    serving_port: ServingPort = None,
    cluster_port: ClusterPort = None,
    timeout: Annotated[float, typer.Option(help="Seconds until a process that is not healthy is given up.")] = 600,
) -> None:
    """Start the embedded stack and wait until all of it is healthy.

    What runs already is left alone. Ports once chosen are remembered. Ctrl-C stops what was started.
    """
    from airworthy_local.ports import Ports

    signal.signal(signal.SIGTERM, _as_interrupt)  # so that ending it cleans up as Ctrl-C does
    stack = Stack()
    chosen = {"airflow": airflow_port, "mlflow": mlflow_port, "serving": serving_port, "cluster": cluster_port}
    stack = Stack(ports=Ports.choose(chosen, os.environ, asdict(stack.ports)))
    began = time.monotonic()
    try:
        new_users = stack.up(console=console, timeout_seconds=timeout)
    except KeyboardInterrupt:
        console.print("interrupted; nothing is left running")
        raise typer.Exit(130) from None
    console.print(f"[green]up[/] after {time.monotonic() - began:.1f} s; state in {stack.home}")
    _say_where(stack)
    if new_users:
        console.print("\nAirflow users, shown this once (later: `airworthy users --show`):")
        for user in new_users:
            console.print(f"  {user.user:<10}{user.password}", markup=False)


@app.command()
def down() -> None:
    """Stop the embedded stack and everything that descends from it; its state stays.

    Works after a crash too: processes are found by a mark in their environment.
    """
    began = time.monotonic()
    ended = Stack().down()
    if ended:
        console.print(f"down after {time.monotonic() - began:.1f} s ({ended} processes)")
    else:
        console.print("nothing was running")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show every process and its health; exit status 0 only if all are healthy."""
    from airworthy_local.screen import table

    stack = Stack()
    processes = stack.status()
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in processes], indent=1))
    else:
        console.print(table(processes, time.time()))
        if stack.running():
            _say_where(stack)
        else:
            console.print("the stack is not running; start it with `airworthy up`")
    if any(each.health != "healthy" for each in processes):
        raise typer.Exit(1)


@app.command()
def logs(
    process: Annotated[list[str] | None, typer.Argument(help="Which processes; all when none is named.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written next.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines of each.")] = 20,
) -> None:
    """Show the processes' logs. A task's own log is in Airflow's UI."""
    from airworthy_local.logs import show
    from airworthy_local.programs import NAMES

    stack = Stack()
    files = {name: stack.log_file(name) for name in process or NAMES}
    try:
        show(files, lines=lines, follow=follow, write=lambda text: console.print(Text(text), soft_wrap=True))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command()
def env() -> None:
    """Print the stack's environment as shell exports, secrets included: eval "$(airworthy env)"."""
    stack = _known_stack()
    path = os.pathsep.join([str(Path(sys.executable).parent), "$PATH"])
    for name, value in stack.own_environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    typer.echo(f'export PATH="{path}"')


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def airflow(ctx: typer.Context) -> None:
    """Run Airflow's own command line on the stack, e.g. airworthy airflow dags list."""
    arguments = ctx.args[1:] if ctx.args[:1] == ["--"] else ctx.args
    environment = _known_stack().environment()
    os.execvpe("airflow", ["airflow", *arguments], environment)


@app.command()
def users(
    show: Annotated[bool, typer.Option("--show", help="Print the passwords.")] = False,
    reset: Annotated[list[str] | None, typer.Option(help="Give this user a new password; may be repeated.")] = None,
) -> None:
    """Say who may sign in to Airflow and where the passwords are kept; show or renew them."""
    from airworthy_local.users import ROLES

    stack = _known_stack()
    renewed = {each.user for each in stack.users.reset(reset or [])}
    for name, role in ROLES.items():
        password = stack.credentials(name).password if show or name in renewed else "(not shown)"
        console.print(f"  {name:<10} role {role:<8} {password}", markup=False)
    console.print(f"kept in {stack.users.path}")


@app.command()
def schema() -> None:
    """Write the JSON schema of pipeline.yaml for editors, include/pipelines/pipeline.schema.json."""
    from airworthy.settings import PROJECT_ROOT
    from airworthy.spec.pipeline import json_schema

    path = PROJECT_ROOT / "include" / "pipelines" / "pipeline.schema.json"
    path.write_text(json_schema())
    console.print(f"wrote {path}")


def _known_stack() -> Stack:
    stack = Stack()
    if not stack.known():
        raise NotYetStarted(f"there is no stack in {stack.home} yet", next_step="airworthy up")
    return stack


class NotYetStarted(AirworthyError):
    """The stack has never been started, so it has no keys, users or addresses."""


def _say_where(stack: Stack) -> None:
    settings = stack.settings()
    console.print(f"  Airflow  {stack.airflow_url}")
    console.print(f"  MLflow   {settings.mlflow_url}")
    console.print(f"  serving  {settings.serving_url}/docs")
    console.print(f"  kubectl  export KUBECONFIG={stack.kubeconfig}", soft_wrap=True)


def _as_interrupt(_number: int, _frame: Any) -> NoReturn:
    raise KeyboardInterrupt


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
