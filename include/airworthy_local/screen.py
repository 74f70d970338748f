"""Shows the stack's processes in a terminal: live while they start, as a table when asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from airworthy_local.programs import Health, ProcessHealth

_STYLES: dict[Health, str] = {"healthy": "green", "starting": "yellow", "failing": "red", "stopped": "dim"}


def table(processes: Sequence[ProcessHealth], now: float) -> Table:
    """One line for each process: health, age, process id, address, and what is wrong.

    Args:
        processes: what to show.
        now: Unix time, for the age.
    """
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("process", "health", "since", "pid", "address"):
        shown.add_column(column, no_wrap=True)
    shown.add_column("")
    for each in processes:
        shown.add_row(
            each.name,
            Text(each.health, style=_STYLES[each.health]),
            _age(now - each.started) if each.pid else "",
            str(each.pid or ""),
            each.address,
            Text("" if each.health == "healthy" else each.detail, style="dim", overflow="ellipsis"),
        )
    return shown


class Screen:
    """The live view of a start: a table on a terminal, a line for each change elsewhere.

    Args:
        console: where to draw; None shows nothing.
    """

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._phase = ""
        self._seen: dict[str, Health] = {}
        self._began = time.monotonic()
        live = console is not None and console.is_terminal
        self._live = Live(console=console, refresh_per_second=4, transient=True) if live else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def phase(self, text: str) -> None:
        """Say what is being done now."""
        if text != self._phase and self._console and not self._live:
            self._console.print(f"{self._clock()} {text}")
        self._phase = text

    def show(self, processes: Sequence[ProcessHealth]) -> None:
        """Show how far the processes are."""
        if self._live:
            self._live.update(Group(table(processes, time.time()), Text(f"{self._clock()} {self._phase}", "bold")))
        elif self._console:
            for each in processes:
                if self._seen.get(each.name) != each.health and each.health in ("healthy", "failing"):
                    self._console.print(f"{self._clock()} {each.name} is {each.health} {each.detail}".rstrip())
                self._seen[each.name] = each.health

    def _clock(self) -> str:
        return f"{time.monotonic() - self._began:5.1f} s"


def _age(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
