"""The running stack's processes: found while they are at work, killed, hung; and the one way to wait for anything."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import psutil

from airworthy.settings import Settings
from airworthy_cluster.processes import marked

Found = TypeVar("Found")
#: Processor time, user and system, after which a process has done more than load its libraries, in seconds.
AT_WORK_SECONDS = 3


def wait_until(condition: Callable[[], Found | None], what: str, seconds: float = 60, *, every: float = 0.1) -> Found:
    """Wait for the first true answer, looking often, and return it.

    Args:
        what: the condition in words, for the failure.
        seconds: how long a busy machine may need; a good run takes a fraction of it.
        every: pause between two looks, in seconds; longer where a look costs something.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what} (last answer: {answer!r})"
        time.sleep(every)
    return answer


def at_work(settings: Settings, pattern: str) -> psutil.Process:
    """A process of this deployment, by its command line, once it has done some work.

    It is known as this deployment's by the lake's address in its environment, which pods and Spark's programs have.
    """

    def look() -> psutil.Process | None:
        for process in marked({"AIRWORTHY_LAKE": settings.lake}):
            with suppress(psutil.Error):  # ended meanwhile
                working = sum(process.cpu_times()[:2]) > AT_WORK_SECONDS
                if working and re.search(pattern, " ".join(process.cmdline())):
                    return process
        return None

    return wait_until(look, f"a process {pattern} is at work", 180, every=0.3)


def kill(process: psutil.Process) -> None:
    """kill -9, and wait until it is gone."""
    process.send_signal(signal.SIGKILL)
    process.wait(10)


@contextmanager
def hung(process: psutil.Process) -> Iterator[None]:
    """The process does nothing meanwhile, and goes on afterwards as if no time had passed."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)
