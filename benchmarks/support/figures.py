"""Figures in one form: what every benchmark writes to benchmarks/results/NAME.json, and the table of all of them."""

from __future__ import annotations

import json
import math
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).resolve().parents[1] / "results"
KEYS = frozenset({"command", "at", "machine", "figures"})
#: `overhead.wall_ratio`: the result's name, then what was measured, with its unit where it has one.
FIGURE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
#: As `Machine` has them. Anything else, above all a machine's name, has no place in a repository.
MACHINE_KEYS = frozenset({"cores", "memory_gb", "processor", "python"})


class WrongResult(ValueError):
    """A result that does not have the form; names the file, the key, what was found and what is expected."""


@dataclass(frozen=True)
class Machine:
    """Where it was measured; None for what was not written down at the time.

    Attributes:
        cores: of the machine; a benchmark may pin itself to some of them.
        memory_gb: of the machine, in 10^9 bytes.
        processor: the model, as the system names it.
        python: e.g. ``3.11.9``.
    """

    cores: int | None = None
    memory_gb: float | None = None
    processor: str | None = None
    python: str | None = None

    @classmethod
    def here(cls) -> Machine:
        """This machine."""
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return cls(os.cpu_count() or 1, round(memory / 1e9, 1), _processor(), platform.python_version())

    def __str__(self) -> str:
        known = (
            f"{self.cores} cores" if self.cores else "",
            f"{self.memory_gb:g} GB" if self.memory_gb else "",
            self.processor or "",
            f"Python {self.python}" if self.python else "",
        )
        return ", ".join(part for part in known if part) or "not recorded"


@dataclass(frozen=True)
class Result:
    """One run of one benchmark.

    Attributes:
        name: the benchmark's, and its file's.
        command: what makes it again.
        at: when it was measured, UTC.
        machine: where.
        figures: numbers by name; every name begins with the result's own.
    """

    name: str
    command: str
    at: datetime
    machine: Machine
    figures: Mapping[str, float]

    def as_document(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {
            "command": self.command,
            "at": self.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "machine": vars(self.machine),
            "figures": dict(self.figures),
        }


def write(name: str, command: str, figures: Mapping[str, float], *, folder: Path = RESULTS) -> Path:
    """Write what was measured just now, on this machine.

    Args:
        name: the benchmark's.
        command: what makes it again, e.g. ``make bench ARGS=overhead``.
        figures: by name without the benchmark's own, e.g. ``wall_ratio``; kept to four significant digits.

    Raises:
        WrongResult: a name or a number is not of the form.
    """
    rounded = {f"{name}.{key}": _significant(value) for key, value in figures.items()}
    result = Result(name, command, datetime.now(UTC), Machine.here(), rounded)
    path = folder / f"{name}.json"
    checked(path, result.as_document())
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result.as_document(), indent=2) + "\n", encoding="utf-8")
    return path


def read_all(folder: Path = RESULTS) -> list[Result]:
    """Every result, by name.

    Raises:
        WrongResult: a file does not have the form.
    """
    return [read(path) for path in sorted(folder.glob("*.json"))]


def read(path: Path) -> Result:
    """One result.

    Raises:
        WrongResult: the file does not have the form.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise WrongResult(f"{path.name}: not JSON: {error}") from error
    return checked(path, document)


def checked(path: Path, document: Any) -> Result:
    """The document as a `Result`, if it has the form.

    Args:
        path: where it is or will be; its stem is the benchmark's name.
        document: parsed JSON.

    Raises:
        WrongResult: see there.
    """
    if not isinstance(document, dict) or document.keys() != KEYS:
        found = sorted(document) if isinstance(document, dict) else type(document).__name__
        raise WrongResult(f"{path.name}: expected the keys {sorted(KEYS)}, found {found}")
    command = document["command"]
    if not isinstance(command, str) or not command:
        raise WrongResult(f"{path.name}: command: expected what makes it again, found {command!r}")
    return Result(
        path.stem,
        command,
        _at(path, document["at"]),
        _machine(path, document["machine"]),
        _figures(path, document["figures"]),
    )


def _at(path: Path, value: Any) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = None
    if at is None or at.utcoffset() != UTC.utcoffset(None):
        raise WrongResult(f"{path.name}: at: expected ISO 8601 in UTC, e.g. 2026-11-21T16:50:29Z, found {value!r}")
    return at


def _machine(path: Path, value: Any) -> Machine:
    if not isinstance(value, dict) or value.keys() != MACHINE_KEYS:
        found = sorted(value) if isinstance(value, dict) else repr(value)
        raise WrongResult(f"{path.name}: machine: expected the keys {sorted(MACHINE_KEYS)}, found {found}")
    kinds: dict[str, tuple[type, ...]] = {"cores": (int,), "memory_gb": (int, float)}
    for key, each in value.items():
        if each is not None and not isinstance(each, kinds.get(key, (str,))):
            raise WrongResult(f"{path.name}: machine.{key}: {each!r} is of the wrong type; null for not recorded")
    return Machine(**value)


def _figures(path: Path, value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or not value:
        raise WrongResult(f"{path.name}: figures: expected at least one number by name, found {value!r}")
    for name, figure in value.items():
        if not FIGURE.fullmatch(name) or not name.startswith(f"{path.stem}."):
            raise WrongResult(f"{path.name}: figures: {name!r} is not {path.stem}.what_was_measured")
        if isinstance(figure, bool) or not isinstance(figure, int | float) or not math.isfinite(figure):
            raise WrongResult(f"{path.name}: figures.{name}: expected a finite number, found {figure!r}")
    return value


def _significant(value: float) -> float:
    return value if isinstance(value, int) or not math.isfinite(value) else float(f"{value:.4g}")


def _processor() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def table(results: list[Result]) -> Table:
    """All figures, one a line, below what makes them again and where they were measured."""
    shown = Table(title="Figures", title_justify="left")
    shown.add_column("figure", no_wrap=True)
    shown.add_column("value", justify="right", no_wrap=True)
    for result in results:
        shown.add_row(f"[bold]{result.command}[/]\n{result.at:%Y-%m-%d %H:%M} UTC, {result.machine}", "")
        for name, value in result.figures.items():
            shown.add_row(name, _shown(value))
        shown.add_section()
    return shown


def _shown(value: float) -> str:
    digits = 0 if isinstance(value, int) or value == 0 else max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


if __name__ == "__main__":
    Console(highlight=False).print(table(read_all()))
