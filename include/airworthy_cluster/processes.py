"""Containers as local processes: start, recognise after a restart, stop, and find what a crash has left.

A process is known by its pid *and* its start time, so a pid that the kernel has given to somebody else is never
mistaken for ours. Every process also carries the pod's uid and this cluster's home in its environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from airworthy_local.processes import living

RUNNER = Path(__file__).with_name("runner.py")
HOME_MARK = "AIRWORTHY_CLUSTER_HOME"
POD_MARK = "AIRWORTHY_POD_UID"
CONTAINER_MARK = "AIRWORTHY_CONTAINER"


@dataclass(frozen=True)
class Identity:
    """One process, unmistakably: boot, pid and start time (clock ticks since boot)."""

    boot: str
    pid: int
    started: int


@dataclass(frozen=True)
class Order:
    """What a runner is to do; see ``runner.run``."""

    argv: list[str]
    cwd: str
    log: str
    exit: str
    memory: int | None
    no_new_privs: bool


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _started(pid: int) -> int | None:
    """When the process started; none if it has ended, or waits as a zombie for its parent."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def alive(identity: Identity) -> bool:
    """Whether this very process still runs."""
    return _boot() == identity.boot and _started(identity.pid) == identity.started


class Processes:
    """The processes of one cluster.

    Args:
        home: the cluster's state folder; pods live in ``<home>/pods/<uid>``.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._ours: dict[int, subprocess.Popen[bytes]] = {}

    def folder(self, uid: str) -> Path:
        """The pod's own folder."""
        return self.home / "pods" / uid

    def log(self, uid: str, container: str, restarts: int) -> Path:
        """Where one run of a container logs."""
        return self.folder(uid) / "logs" / f"{container}.{restarts}.log"

    def result(self, uid: str, container: str, restarts: int) -> dict[str, Any] | None:
        """How one run of a container ended, or none while that is not known; see ``runner.run``."""
        try:
            return json.loads(self._exit(uid, container, restarts).read_text())
        except FileNotFoundError:
            return None

    def _exit(self, uid: str, container: str, restarts: int) -> Path:
        return self.folder(uid) / "logs" / f"{container}.{restarts}.exit.json"

    def order(
        self,
        uid: str,
        container: str,
        restarts: int,
        *,
        argv: list[str],
        cwd: Path,
        memory: int | None,
        no_new_privs: bool,
    ) -> Order:
        """The order for one run of a container."""
        log, end = self.log(uid, container, restarts), self._exit(uid, container, restarts)
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Order(argv, str(cwd), str(log), str(end), memory, no_new_privs)

    def launch(
        self, uid: str, container: str, order: Order, environment: dict[str, str], record: Callable[[Identity], None]
    ) -> None:
        """Start a container.

        Args:
            record: is given the runner's identity and must have it on disk when it returns; only then is the runner
                told to begin, so there is never a process that a restarted cluster would not know of.

        Raises:
            OSError: the machine starts no more processes.
        """
        marks = {HOME_MARK: str(self.home), POD_MARK: uid, CONTAINER_MARK: container}
        with (self.folder(uid) / "runner.log").open("ab") as complaints:
            runner = subprocess.Popen(
                [sys.executable, "-I", str(RUNNER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                env={**environment, **marks},
                start_new_session=True,
            )
        self._ours[runner.pid] = runner
        record(Identity(_boot(), runner.pid, _started(runner.pid) or 0))
        assert runner.stdin is not None
        with contextlib.suppress(BrokenPipeError), runner.stdin as order_pipe:
            order_pipe.write(json.dumps(asdict(order)).encode())

    def reap(self) -> None:
        """Let the kernel forget runners that have ended."""
        for pid, runner in list(self._ours.items()):
            if runner.poll() is not None:
                del self._ours[pid]

    def terminate(self, identity: Identity) -> None:
        """SIGTERM to the container's process group."""
        self._signal(identity, signal.SIGTERM)

    def kill(self, identity: Identity) -> None:
        """SIGKILL to the container's whole process tree; its runner stays to write down the end."""
        self._signal(identity, signal.SIGUSR1)

    def _signal(self, identity: Identity, number: int) -> None:
        if alive(identity):
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity.pid, number)

    def kill_marked(self, uid: str, container: str) -> None:
        """SIGKILL to whatever carries the container's mark, its runner too."""
        sweep(self.home, uid, container)

    def forget(self, uid: str) -> None:
        """Remove the pod's folder, with its logs and emptyDirs, and whatever process it may still have."""
        sweep(self.home, uid)
        shutil.rmtree(self.folder(uid), ignore_errors=True)


def sweep(home: Path, uid: str | None = None, container: str | None = None) -> list[int]:
    """Kill every process of one container, of one pod, or of all pods of a cluster that is not running any more.

    Finds them by the marks in their environment, so it needs neither the cluster nor its records.

    Returns:
        The pids that were killed.
    """
    killed: set[int] = set()
    while found := _marked(home, uid, container):  # again, as one may fork while it is being looked for
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        killed |= {process.pid for process in found}
        psutil.wait_procs(found, timeout=1)
    return sorted(killed)


def _marked(home: Path, uid: str | None, container: str | None) -> list[psutil.Process]:
    wanted = {HOME_MARK: str(home.resolve()), POD_MARK: uid, CONTAINER_MARK: container}
    found = []
    for process in living():
        with contextlib.suppress(psutil.Error, OSError):
            marks = process.environ()  # empty for a zombie
            if all(value is None or marks.get(mark) == value for mark, value in wanted.items()):
                found.append(process)
    return found
