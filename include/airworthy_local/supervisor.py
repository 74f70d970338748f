"""Keeps the stack's processes running: supervisord, configured and driven for one home folder.

supervisord (the `supervisor` package) does the work: it starts a process that died again, with growing pauses while
it fails at once, rotates the logs and kills process groups. Looked at as well: honcho, which ends everything when
one process ends and starts nothing again; circus, which brings ZeroMQ and tornado for the same.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from airworthy.errors import AirworthyError
from airworthy_cluster.processes import descendants, end
from airworthy_local.processes import KEEPS_MARKS, STACK_MARK, marked
from airworthy_local.supervisord_config import GROUP, STOP_SECONDS, Files, Program, render

State = Literal["stopped", "starting", "running", "failing"]

_STATES: dict[str, State] = {
    "STOPPED": "stopped",
    "EXITED": "stopped",
    "STOPPING": "stopped",
    "STARTING": "starting",
    "RUNNING": "running",
    "BACKOFF": "failing",
    "FATAL": "failing",
    "UNKNOWN": "failing",
}


class SupervisorFailed(AirworthyError):
    """The supervisor does not start, does not answer, or cannot end a process."""


@dataclass(frozen=True)
class ProcessState:
    """What the supervisor knows of one process.

    Attributes:
        name: the program's name.
        state: starting lasts for the first seconds; failing means that it ended at once and will be tried again.
        pid: None while it does not run.
        started: Unix time of the last start, 0 if it never was started.
        detail: why it is not running.
    """

    name: str
    state: State
    pid: int | None
    started: int
    detail: str


class Supervisor:
    """supervisord for the processes of one home folder.

    Args:
        home: the stack's folder; configuration, pid file and logs go below it.
        programs: what to run.
        environment: gives the complete environment of the processes; asked at the start.
        cwd: their working directory.
    """

    def __init__(
        self, home: Path, programs: Sequence[Program], environment: Callable[[], Mapping[str, str]], cwd: Path
    ) -> None:
        self.home = home
        self.programs = programs
        self.environment = environment
        self.cwd = cwd
        self._files = Files(home)

    def alive(self) -> bool:
        """Whether the supervisor runs (its processes may run without it, after a crash)."""
        return self._process() is not None

    def start(self) -> None:
        """Start the supervisor in the background, in a session of its own, with nothing running yet.

        What an earlier supervisor of this home has left behind is ended first.

        Raises:
            SupervisorFailed: with what supervisord printed.
        """
        self.end_left_overs()
        self._files.logs.mkdir(parents=True, exist_ok=True)
        self._files.pid.unlink(missing_ok=True)
        self._files.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._files.configuration.write_text(render(self._files, self.programs, self.cwd))
        started = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._files.configuration)],
            env={**self.environment(), **KEEPS_MARKS, STACK_MARK: str(self.home)},
            cwd=self.cwd,
            capture_output=True,
            text=True,
            timeout=60,
        )
        deadline = time.monotonic() + 15
        while not (started.returncode == 0 and self.alive() and self._answers()):
            if started.returncode != 0 or time.monotonic() > deadline:
                raise SupervisorFailed(
                    f"supervisord did not start: {(started.stdout + started.stderr).strip() or 'no message'}",
                    next_step=f"see {self.log_file('supervisor')}",
                )
            time.sleep(0.1)

    def start_program(self, name: str) -> None:
        """Start one process, and keep it running from now on; one that runs already is left alone."""
        try:
            self._call("startProcess", f"{GROUP}:{name}", False)
        except xmlrpc.client.Fault as fault:
            if "ALREADY_STARTED" not in fault.faultString:
                raise SupervisorFailed(
                    f"{name} could not be started: {fault.faultString}", next_step=f"airworthy logs {name}"
                ) from fault

    def states(self) -> dict[str, ProcessState]:
        """State of every process by name; all stopped when there is no supervisor."""
        if not self.alive():
            return {
                program.name: ProcessState(program.name, "stopped", None, 0, "the supervisor is not running")
                for program in self.programs
            }
        return {
            info["name"]: ProcessState(
                info["name"],
                _STATES[info["statename"]],
                info["pid"] or None,
                info["start"],
                info["spawnerr"] or info["description"],
            )
            for info in self._call("getAllProcessInfo")
        }

    def stop(self) -> int:
        """End the supervisor, its processes and everything that descends from them, also after a crash.

        Returns:
            How many processes were ended.

        Raises:
            SupervisorFailed: something could not be killed.
        """
        everything = descendants(marked(self.home))
        supervisor = self._process()
        if supervisor is not None:
            with contextlib.suppress(psutil.Error):
                supervisor.terminate()
            psutil.wait_procs([supervisor], timeout=STOP_SECONDS + 5)
        self.end_left_overs(everything)
        for leftover in (self._files.pid, self._files.configuration, self._files.socket):
            leftover.unlink(missing_ok=True)
        return len(everything)

    def end_left_overs(self, known: Sequence[psutil.Process] = ()) -> None:
        """End every process that bears this home's mark, and what is known to descend from one.

        Raises:
            SupervisorFailed: something could not be killed.
        """
        running = [process for process in known if process.is_running()]
        stubborn = end(list({*running, *descendants(marked(self.home))}), grace_seconds=3)
        if stubborn:
            pids = " ".join(str(process.pid) for process in stubborn)
            raise SupervisorFailed(f"could not end process {pids}", next_step=f"kill -9 {pids}, perhaps with sudo")

    def log_file(self, name: str) -> Path:
        """Where a process's output goes; rotated at 10 MB."""
        return self._files.log(name)

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(int(self._files.pid.read_text()))
            ours = process.status() != psutil.STATUS_ZOMBIE and process.environ().get(STACK_MARK) == str(self.home)
        except (OSError, ValueError, psutil.Error):
            return None
        return process if ours else None

    def _answers(self) -> bool:
        with contextlib.suppress(SupervisorFailed):
            return bool(self._call("getState"))
        return False

    def _call(self, method: str, *arguments: Any) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self._files.socket}")
        try:
            return getattr(xmlrpc.client.ServerProxy("http://localhost", transport).supervisor, method)(*arguments)
        except (OSError, xmlrpc.client.ProtocolError) as error:
            raise SupervisorFailed(
                f"the supervisor does not answer: {error}", next_step="airworthy down, then airworthy up"
            ) from error
        finally:
            transport.close()
