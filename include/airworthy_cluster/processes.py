"""Finding, recognising and ending this machine's processes, also those whose parent is gone.

A process is found by what its environment says of it, which all its descendants inherit. So nothing has to be recorded
beforehand, nothing has to have survived a crash, and a process id that the system has given to somebody else is never
mistaken for ours. The local cluster finds its pods' processes with it, the embedded stack its own.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Identity:
    """One process, unmistakably: boot, pid and start time (clock ticks since boot)."""

    boot: str
    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Identity:
        """The process that has this id now; one that has ended already is never alive."""
        return cls(_boot(), pid, _started(pid) or 0)

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _boot() == self.boot and _started(self.pid) == self.started


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _started(pid: int) -> int | None:
    """When the process started; none if it has ended, or waits as a zombie for its parent."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def living() -> Iterator[psutil.Process]:
    """Every process there is.

    psutil keeps its objects from one look to the next, and one whose id was given to another process since then would
    be that of the earlier one: it would look dead, and could not be ended.
    """
    psutil.process_iter.cache_clear()
    yield from psutil.process_iter()


def marked(marks: Mapping[str, str]) -> list[psutil.Process]:
    """Every running process whose environment has all of these variables.

    Args:
        marks: variable -> the value it must have.
    """
    found = []
    for process in living():
        with contextlib.suppress(psutil.Error, OSError):
            environment = process.environ()  # empty for a zombie
            if all(environment.get(name) == value for name, value in marks.items()):
                found.append(process)
    return found


def descendants(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """The processes and everything that they started and that is still theirs."""
    found: dict[int, psutil.Process] = {}
    for process in processes:
        with contextlib.suppress(psutil.Error):
            found |= {each.pid: each for each in [process, *process.children(recursive=True)]}
    return list(found.values())


def end(processes: list[psutil.Process], *, grace_seconds: float) -> list[psutil.Process]:
    """SIGTERM, then SIGKILL to what is left after the grace time.

    Returns:
        What lives all the same (stuck in the kernel, or not ours to kill).
    """
    for number, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        _, processes = psutil.wait_procs(processes, timeout=patience)
        processes = [process for process in processes if _lives(process)]
        if not processes:
            break
    return processes


def kill_all_marked(marks: Mapping[str, str]) -> list[int]:
    """SIGKILL to every process with these marks, again and again until there is none: one may fork meanwhile.

    Returns:
        The pids that were killed.
    """
    killed: set[int] = set()
    while found := marked(marks):
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        killed |= {process.pid for process in found}
        psutil.wait_procs(found, timeout=1)
    return sorted(killed)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
