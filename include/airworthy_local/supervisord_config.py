"""supervisord's configuration file for the processes of one home folder."""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airworthy_local.processes import PROCESS_MARK

#: A process that ends sooner than this has failed to start; supervisord then waits longer before each further try.
START_SECONDS = 5
#: How long a process may take over SIGTERM before SIGKILL.
STOP_SECONDS = 8
#: All programs are of one group: those of one group are stopped at the same time, groups one after another.
GROUP = "stack"
#: A Unix socket's path has 107 characters at most, and supervisord adds its process id while it makes one.
_LONGEST_SOCKET_PATH = 90


@dataclass(frozen=True)
class Program:
    """One process to keep running.

    Attributes:
        name: as in `airworthy status` and in the log's file name.
        command: program and arguments.
        environment: variables of this process on top of the stack's.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Files:
    """Where the supervisor of one home keeps its things.

    Args:
        home: the stack's folder.
    """

    home: Path

    @property
    def logs(self) -> Path:
        """The folder of the logs."""
        return self.home / "logs"

    @property
    def configuration(self) -> Path:
        """What supervisord reads."""
        return self.home / "supervisor.conf"

    @property
    def pid(self) -> Path:
        """Its process id."""
        return self.home / "supervisor.pid"

    @property
    def socket(self) -> Path:
        """Where it listens: below the home, or elsewhere when that path is too long for a Unix socket."""
        inside = self.home / "supervisor.sock"
        if len(str(inside)) < _LONGEST_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"airworthy-{os.getuid()}-{digest}" / "supervisor.sock"

    def log(self, program: str) -> Path:
        """Where a program's output goes; rotated at 10 MB."""
        return self.logs / f"{program}.log"


def render(files: Files, programs: Sequence[Program], cwd: Path) -> str:
    """The configuration's text.

    Args:
        files: where everything is.
        programs: what to run.
        cwd: their working directory.
    """
    sections = {
        "unix_http_server": {"file": str(files.socket), "chmod": "0700"},
        "supervisord": {
            "pidfile": str(files.pid),
            "logfile": str(files.logs / "supervisor.log"),
            "logfile_maxbytes": "1MB",
            "logfile_backups": "1",
            "childlogdir": str(files.logs),
            "nocleanup": "true",
            # without it, supervisord warns root that it runs as root
            **({"user": "root"} if os.geteuid() == 0 else {}),
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        **{f"program:{program.name}": _program(program, files.log(program.name), cwd) for program in programs},
        f"group:{GROUP}": {"programs": ",".join(program.name for program in programs)},
    }
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key}={_escape(value)}\n" for key, value in section.items())
        for name, section in sections.items()
    )


def _program(program: Program, log: Path, cwd: Path) -> dict[str, str]:
    environment = {**(program.environment or {}), PROCESS_MARK: program.name}
    return {
        "command": shlex.join([sys.executable, "-m", "airworthy_local.child", *program.command]),
        "directory": str(cwd),
        "environment": ",".join(f'{key}="{value}"' for key, value in environment.items()),
        "autostart": "false",
        "autorestart": "true",
        "startsecs": str(START_SECONDS),
        "startretries": "1000000",
        "stopwaitsecs": str(STOP_SECONDS),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": str(log),
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": "1",
    }


def _escape(value: str) -> str:
    return value.replace("%", "%%")
