"""What Airflow costs: data + train through Airflow against the same stages one after another in a shell, in one run.

Both get the same landed files, an empty lake each and the same MLflow; the shell runs each stage as a process of its
own, as a cron job would. Prints the ratio of wall times, and by task where the rest goes.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.support import figures, options, shell
from benchmarks.support.shell import PIPELINE


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
    arguments = options.of_landed_flights(__doc__ or "")
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
            alone = shell.run(stack.environment(), home / "shell")
        finally:
            stack.down()
    console.print(compared(arguments.days, wall, by_task, alone))
    path = figures.write(
        "overhead", "make bench ARGS=overhead", measured(arguments.days, wall, by_task, alone), folder=arguments.output
    )
    console.print(f"written to {path}")


def compared(days: int, wall: float, by_task: dict[str, float], alone: dict[str, float]) -> Table:
    """Both ways side by side, for people."""
    total = sum(alone.values())
    table = Table(
        title=f"data + train, {days} days: Airflow {wall:.0f} s, shell {total:.0f} s, {wall / total:.2f} times"
    )
    table.add_column("stage")
    for name in ("task, s", "shell, s", "difference, s"):
        table.add_column(name, justify="right")
    for stage in shell.stages(""):
        took, own = sum(by_task.get(task, 0.0) for task in stage.tasks), alone[stage.name]
        table.add_row(" + ".join(stage.tasks), f"{took:.1f}", f"{own:.1f}", f"{took - own:+.1f}")
    between = wall - sum(by_task.values())
    table.add_row("between tasks (scheduling, release trigger)", f"{between:.1f}", "", f"{between:+.1f}")
    return table


def measured(days: int, wall: float, by_task: dict[str, float], alone: dict[str, float]) -> dict[str, float]:
    """The figures by name; times in seconds.

    Args:
        days: of data that were landed.
        wall: of both DAGs through Airflow.
        by_task: run time of each Airflow task.
        alone: wall time of each stage in the shell.
    """
    total = sum(alone.values())
    found = {
        "wall_ratio": round(wall / total, 2),
        "airflow_s": round(wall, 1),
        "shell_s": round(total, 1),
        "between_tasks_s": round(wall - sum(by_task.values()), 1),
        "days": days,
    }
    for stage in shell.stages(""):
        name = "_".join(stage.tasks)
        found[f"{name}_airflow_s"] = round(sum(by_task.get(task, 0.0) for task in stage.tasks), 1)
        found[f"{name}_shell_s"] = round(alone[stage.name], 1)
    return found


if __name__ == "__main__":
    main()
