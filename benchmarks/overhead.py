"""What Airflow costs: data + train through Airflow against the same stages one after another in a shell, in one run.

Both get the same landed files, an empty lake each and the same MLflow; the shell runs each stage as a process of its
own, as a cron job would. Prints the ratio of wall times, and by task where the rest goes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
PIPELINE = "flight_delays"


@dataclass(frozen=True)
class Stage:
    """One stage: its Airflow task(s) and its command."""

    tasks: tuple[str, ...]
    command: list[str]


def stages(features_version: str, run: str) -> list[Stage]:
    """The stages of data and train, as commands."""
    python = sys.executable
    own = [python, "-m", "airworthy.steps"]
    job = str(ROOT / "include" / "airworthy" / "features" / "build" / "job.py")
    submit = str(Path(python).parent / "spark-submit")
    spark = [submit, "--master", "local[*]", "--conf", "spark.ui.enabled=false", job, "--pipeline", PIPELINE]
    pipeline = ["--pipeline", PIPELINE]
    train = ["--train-run", run]
    return [
        Stage(("ingest",), [*own, "ingest", *pipeline]),
        Stage(("features",), spark),
        Stage(("validate", "publish"), [*own, "validate-publish", *pipeline]),
        Stage(("materialise",), [*own, "materialise", *pipeline]),
        Stage(("snapshot",), [*own, "snapshot", *pipeline]),
        Stage(
            ("train",),
            [python, "-m", "airworthy.training.launcher", *pipeline, *train, "--features-version", features_version],
        ),
        Stage(("evaluate",), [python, "-m", "airworthy.evaluation.evaluate", *pipeline, *train]),
        Stage(("gates",), [*own, "gates", *pipeline, *train]),
        Stage(("register",), [*own, "register", *pipeline, *train]),
    ]


def in_a_shell(environment: dict[str, str], home: Path) -> dict[str, float]:
    """Run every stage as a process; seconds by first task name."""
    seconds: dict[str, float] = {}
    environment = {**environment, "AIRWORTHY_LAKE": str(home / "lake"), "AIRWORTHY_ONLINE_STORE": str(home / "o.db")}
    environment["AIRWORTHY_HOME"] = str(home)
    version = "1"
    for position in range(9):
        stage = stages(version, "shell")[position]
        began = time.monotonic()
        done = subprocess.run(stage.command, env=environment, capture_output=True, text=True, cwd=home)
        if done.returncode:
            sys.exit(f"{stage.tasks[0]} failed in the shell:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        seconds[stage.tasks[0]] = time.monotonic() - began
        if stage.tasks[0] == "snapshot":
            version = done.stdout.strip().splitlines()[-1]
    return seconds


def through_airflow(api: object, console: Console) -> tuple[float, dict[str, float]]:
    """Run both DAGs; wall seconds, and seconds by task."""
    from airworthy.airflow_api.client import AirflowApi
    from airworthy_demo import journey

    assert isinstance(api, AirflowApi)
    began = time.monotonic()
    seconds: dict[str, float] = {}
    for dag in ("data", "train"):
        dag_id = f"{PIPELINE}.{dag}"
        run_id = api.trigger(dag_id, {}, run_id=f"bench-{datetime.now(UTC):%H%M%S}")
        journey.must_succeed(api, dag_id, run_id, lambda _tasks: None)
        for task in api.tasks(dag_id, run_id):
            seconds[task.task_id] = task.seconds or 0.0
        console.print(f"  {dag_id}: {time.monotonic() - began:.0f} s so far")
    return time.monotonic() - began, seconds


def main() -> None:
    """Run both and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=243, help="days of 2013 to land (default: January to August)")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "overhead.json")
    arguments = parser.parse_args()
    console = Console(highlight=False)

    from airworthy.airflow_api.client import AirflowApi
    from airworthy_demo.world import World
    from airworthy_local.ports import Ports
    from airworthy_local.stack import Stack

    with tempfile.TemporaryDirectory(prefix="airworthy-bench-") as folder:
        home = Path(folder)
        os.environ["AIRWORTHY_HOME"] = str(home / "stack")
        stack = Stack(home / "stack", Ports.free())
        try:
            stack.up(console=console)
            first = date(2013, 1, 1)
            World().land(stack.settings().landing, first, first + timedelta(days=arguments.days - 1))
            console.print("through Airflow")
            admin = stack.credentials("admin")
            with AirflowApi(stack.airflow_url, admin.user, admin.password) as api:
                for dag in ("data", "train", "release"):
                    api.wait_for_dag(f"{PIPELINE}.{dag}")
                api.pause(f"{PIPELINE}.release")  # it would run beside the shell's stages
                wall, by_task = through_airflow(api, console)
            console.print("in a shell")
            (home / "shell").mkdir()
            shell = in_a_shell(stack.environment(), home / "shell")
        finally:
            stack.down()
    report(console, arguments.output, arguments.days, wall, by_task, shell)


def report(
    console: Console, output: Path, days: int, wall: float, by_task: dict[str, float], shell: dict[str, float]
) -> None:
    """Print the table and write it down."""
    total = sum(shell.values())
    table = Table(
        title=f"data + train, {days} days: Airflow {wall:.0f} s, shell {total:.0f} s, {wall / total:.2f} times"
    )
    table.add_column("stage")
    for name in ("task, s", "shell, s", "difference, s"):
        table.add_column(name, justify="right")
    rows = {}
    for stage in stages("", ""):
        took = sum(by_task.get(task, 0.0) for task in stage.tasks)
        alone = shell[stage.tasks[0]]
        rows[" + ".join(stage.tasks)] = {"airflow_s": round(took, 1), "shell_s": round(alone, 1)}
        table.add_row(" + ".join(stage.tasks), f"{took:.1f}", f"{alone:.1f}", f"{took - alone:+.1f}")
    between = wall - sum(by_task.values())
    table.add_row("between tasks (scheduling, release trigger)", f"{between:.1f}", "", f"{between:+.1f}")
    console.print(table)
    document = {
        "what": "wall time of data + train through Airflow / the same stages in a shell, one run",
        "days": days,
        "airflow_s": round(wall, 1),
        "shell_s": round(total, 1),
        "ratio": round(wall / total, 2),
        "between_tasks_s": round(between, 1),
        "stages": rows,
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(document, indent=2) + "\n")
    console.print(f"written to {output}")


if __name__ == "__main__":
    main()
