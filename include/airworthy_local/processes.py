"""The marks of a stack's processes, and finding those processes by them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import psutil

from airworthy_cluster import processes

#: In the environment of every process of a stack, and so of all its descendants: the stack's home.
STACK_MARK = "AIRWORTHY_STACK"
#: Likewise: which of the stack's processes it is, or descends from.
PROCESS_MARK = "AIRWORTHY_PROCESS"
#: Airflow's processes put their titles over the environment that the system shows of them, unless told not to.
KEEPS_MARKS = {"SPT_NOENV": "1"}


def marked(home: Path, name: str | None = None) -> list[psutil.Process]:
    """Every running process of the stack of ``home``, or of one of its processes and its descendants.

    The caller and its ancestors are left out: they may stand in the stack's environment themselves.
    """
    spared = {os.getpid()}
    with contextlib.suppress(psutil.Error):
        spared |= {parent.pid for parent in psutil.Process().parents()}
    marks = {STACK_MARK: str(home)} | ({PROCESS_MARK: name} if name else {})
    return [process for process in processes.marked(marks) if process.pid not in spared]
