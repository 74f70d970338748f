"""Finding and ending the stack's processes, also those whose parent is gone."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

#: In the environment of every process of a stack, and so of all its descendants: the stack's home.
STACK_MARK = "AIRWORTHY_STACK"
#: Likewise: which of the stack's processes it is, or descends from.
PROCESS_MARK = "AIRWORTHY_PROCESS"
#: Airflow's processes put their titles over the environment that the system shows of them, unless told not to.
KEEPS_MARKS = {"SPT_NOENV": "1"}


def living() -> Iterator[psutil.Process]:
    """Every process there is.

    psutil keeps its objects from one look to the next, and one whose id was given to another process since then would
    be that of the earlier one: it would look dead, and could not be ended.
    """
    psutil.process_iter.cache_clear()
    yield from psutil.process_iter()


def marked(home: Path, name: str | None = None) -> list[psutil.Process]:
    """Every living process of the stack of ``home``, or of one of its processes and its descendants.

    They are known by their environment rather than by recorded ids, so nothing has to have survived a crash, and a
    process id that the system has given to somebody else cannot be mistaken. The caller and its ancestors are left
    out: they may stand in the stack's environment themselves.
    """
    spared = {os.getpid()}
    with contextlib.suppress(psutil.Error):
        spared |= {parent.pid for parent in psutil.Process().parents()}
    found = []
    for process in living():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid in spared or process.status() == psutil.STATUS_ZOMBIE:
                continue
            marks = process.environ()
            if marks.get(STACK_MARK) == str(home) and name in (None, marks.get(PROCESS_MARK)):
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


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
