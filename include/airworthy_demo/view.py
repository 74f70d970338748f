"""What the demo shows while it runs: stages, tasks with their state and time, traffic."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from airworthy.airflow_api.client import TaskState

_STYLES = {
    "success": ("✓", "green"),
    "running": ("▶", "cyan"),
    "deferred": ("◷", "magenta"),
    "awaiting_input": ("?", "bold yellow"),
    "failed": ("✗", "bold red"),
    "upstream_failed": ("✗", "red"),
    "skipped": ("–", "dim"),
    "up_for_retry": ("↻", "yellow"),
}


class View:
    """A live table on a terminal; a line per change where there is none (a log, CI).

    Args:
        console: where to print.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._started = time.monotonic()
        self._title = ""
        self._tasks: Sequence[TaskState] = ()
        self._note = ""
        self._printed: dict[str, str | None] = {}
        self._note_printed_at = 0.0
        self._live: Live | None = None

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Everything shown inside belongs to the stage ``title``."""
        began = time.monotonic()
        self._title, self._tasks, self._note, self._printed = title, (), "", {}
        self.console.print(f"\n[bold]{title}[/bold]  [dim]{self.clock()}[/dim]")
        done = False
        try:
            if self.console.is_terminal:
                with Live(get_renderable=self._render, console=self.console, refresh_per_second=4) as self._live:
                    yield
            else:
                yield
            done = True
        finally:
            self._live = None
            mark = "[green]done[/green]" if done else "[red]stopped[/red]"
            self.console.print(f"  {mark} in {time.monotonic() - began:.0f} s")

    def tasks(self, tasks: Sequence[TaskState]) -> None:
        """Show these tasks of the current Dag run."""
        self._tasks = tasks
        if self._live is not None:
            return
        for task in tasks:
            if task.state != self._printed.get(task.task_id) and task.state not in (None, "scheduled", "queued"):
                seconds = "" if task.seconds is None else f"  {task.seconds:.0f} s"
                mark, _ = _STYLES.get(str(task.state), ("·", ""))
                self.console.print(f"  {self.clock()} {mark} {task.task_id}: {task.state}{seconds}", highlight=False)
            self._printed[task.task_id] = task.state

    def note(self, text: str) -> None:
        """A line below the tasks that keeps changing, e.g. how much traffic has been sent."""
        changed, self._note = text != self._note, text
        if self._live is None and changed and time.monotonic() - self._note_printed_at > 5:
            self._note_printed_at = time.monotonic()
            self.console.print(f"  {self.clock()} {text}", highlight=False)

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(f"  {text}")

    def clock(self) -> str:
        """Time since the start, ``m:ss``."""
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        return f"{minutes}:{seconds:02}"

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for task in self._tasks:
            mark, style = _STYLES.get(str(task.state), ("·", "dim"))
            first: RenderableType = Spinner("dots", style=style) if task.state == "running" else Text(mark, style)
            seconds = "" if task.seconds is None else f"{task.seconds:.0f} s"
            tries = f"try {task.try_number}" if task.try_number > 1 else ""
            table.add_row("", first, task.task_id, Text(task.state or "waiting", style), seconds, tries)
        return Group(table, Text(f"  {self._note}  {self.clock()}", "dim"))
