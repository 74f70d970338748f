"""The runners of one cluster: start one above each container, signal it, and end what a crash has left.

Every process also carries the pod's uid and this cluster's home in its environment, so it is found without records.
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

from airworthy_cluster.environment import ProcessSpec
from airworthy_cluster.processes import Identity, kill_all_marked

RUNNER = Path(__file__).with_name("runner.py")
HOME_MARK = "AIRWORTHY_CLUSTER_HOME"
POD_MARK = "AIRWORTHY_POD_UID"
CONTAINER_MARK = "AIRWORTHY_CONTAINER"


@dataclass(frozen=True)
class Attempt:
    """One attempt at a container: which pod, which container, and after how many restarts."""

    uid: str
    container: str
    restarts: int


@dataclass(frozen=True)
class Order:
    """What a runner is to do; see ``runner.run``."""

    argv: list[str]
    cwd: str
    log: str
    exit: str
    memory: int | None
    no_new_privs: bool


class Runners:
    """The runners of one cluster, and the files that they write.

    Args:
        home: the cluster's state folder; pods live in ``<home>/pods/<uid>``.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._ours: dict[int, subprocess.Popen[bytes]] = {}

    def folder(self, uid: str) -> Path:
        """The pod's own folder."""
        return self.home / "pods" / uid

    def log(self, attempt: Attempt) -> Path:
        """Where an attempt logs."""
        return self.folder(attempt.uid) / "logs" / f"{attempt.container}.{attempt.restarts}.log"

    def result(self, attempt: Attempt) -> dict[str, Any] | None:
        """How an attempt ended, or none while that is not known; see ``runner.run``."""
        try:
            return json.loads(self._exit(attempt).read_text())
        except FileNotFoundError:
            return None

    def _exit(self, attempt: Attempt) -> Path:
        return self.log(attempt).with_suffix(".exit.json")

    def launch(self, attempt: Attempt, process: ProcessSpec, record: Callable[[Identity], None]) -> None:
        """Start a container.

        Args:
            attempt: which one.
            process: what to run; it also gets this cluster's marks.
            record: is given the runner's identity and must have it on disk when it returns; only then is the runner
                told to begin, so there is never a process that a restarted cluster would not know of.

        Raises:
            OSError: the machine starts no more processes.
        """
        log = self.log(attempt)
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        order = Order(
            process.argv, str(process.cwd), str(log), str(self._exit(attempt)), process.memory, process.no_new_privs
        )
        with (self.folder(attempt.uid) / "runner.log").open("ab") as complaints:
            runner = subprocess.Popen(
                [sys.executable, "-I", str(RUNNER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                env={**process.environment, **_marks(self.home, attempt.uid, attempt.container)},
                start_new_session=True,
            )
        self._ours[runner.pid] = runner
        record(Identity.of(runner.pid))
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
        if identity.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity.pid, number)

    def kill_container(self, uid: str, container: str) -> None:
        """SIGKILL to whatever carries the container's mark, its runner too."""
        kill_all_marked(_marks(self.home, uid, container))

    def forget(self, uid: str) -> None:
        """Remove the pod's folder, with its logs and emptyDirs, and whatever process it may still have."""
        kill_all_marked(_marks(self.home, uid))
        shutil.rmtree(self.folder(uid), ignore_errors=True)


def sweep(home: Path) -> list[int]:
    """Kill every process of all pods of a cluster that is not running any more; needs none of its records.

    Returns:
        The pids that were killed.
    """
    return kill_all_marked(_marks(home))


def _marks(home: Path, uid: str | None = None, container: str | None = None) -> dict[str, str]:
    """What the environments of one container's processes, one pod's, or all pods' have in common."""
    marks = {HOME_MARK: str(home.resolve()), POD_MARK: uid, CONTAINER_MARK: container}
    return {name: value for name, value in marks.items() if value is not None}
