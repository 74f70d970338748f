"""`airworthy up`, `down`, `status`, `logs`, `env`, `users`, `airflow`: the embedded stack on this machine."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from airworthy.errors import AirworthyError
from airworthy_local.stack import Stack

console = Console(highlight=False)

AirflowPort = Annotated[int | None, typer.Option(help="Airflow's UI and API; default 8080, or AIRWORTHY_PORT_AIRFLOW.")]
MlflowPort = Annotated[int | None, typer.Option(help="MLflow; default 5500, or AIRWORTHY_PORT_MLFLOW.")]
ServingPort = Annotated[int | None, typer.Option(help="Inference; default 8600, or AIRWORTHY_PORT_SERVING.")]
ClusterPort = Annotated[int | None, typer.Option(help="Local cluster; default 6500, or AIRWORTHY_PORT_CLUSTER.")]


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


def env() -> None:
    """Print the stack's environment as shell exports, secrets included: eval "$(airworthy env)"."""
    stack = _known_stack()
    path = os.pathsep.join([str(Path(sys.executable).parent), "$PATH"])
    for name, value in stack.own_environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    typer.echo(f'export PATH="{path}"')


def airflow(ctx: typer.Context) -> None:
    """Run Airflow's own command line on the stack, e.g. airworthy airflow dags list."""
    arguments = ctx.args[1:] if ctx.args[:1] == ["--"] else ctx.args
    environment = _known_stack().environment()
    os.execvpe("airflow", ["airflow", *arguments], environment)


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
