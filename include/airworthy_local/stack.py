"""The embedded stack: Airflow, MLflow, the local cluster and serving on one machine, on loopback, without Docker."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from airworthy.errors import AirworthyError
from airworthy.settings import PROJECT_ROOT, STACK_RECORD, Settings
from airworthy_cluster.private_files import write_private
from airworthy_cluster.runners import sweep
from airworthy_local import airflow_config, airflow_settings, environment, preconditions, programs
from airworthy_local.credentials import Keys
from airworthy_local.ports import Ports
from airworthy_local.processes import KEEPS_MARKS, STACK_MARK
from airworthy_local.programs import ProcessHealth
from airworthy_local.screen import Screen
from airworthy_local.supervisor import Supervisor
from airworthy_local.users import Credentials, Users

if TYPE_CHECKING:
    from rich.console import Console

#: A process that ends at once this often will not come up by trying again.
_HOPELESS_STARTS = 3


class StackFailed(AirworthyError):
    """The stack did not come up; says which process, and the end of its log."""


class StackBusy(AirworthyError):
    """Another command is starting the same stack."""


class Stack:
    """Everything on one machine, all state in one folder.

    Args:
        home: the state folder; by default AIRWORTHY_HOME or `.airworthy` in the project.
        ports: where the processes listen; by default AIRWORTHY_PORT_*, those of last time, or the usual ones.
    """

    def __init__(self, home: Path | None = None, ports: Ports | None = None) -> None:
        self.home = (home or Settings().home).resolve()
        self._record = self.home / STACK_RECORD
        self.ports = ports or Ports.choose({}, os.environ, self._remembered())
        self.users = Users(airflow_config.passwords_file(self.home / "airflow"))
        self.kubeconfig = self.home / "cluster" / "kubeconfig"

    # ------------------------------------------------------------------ addresses

    @property
    def airflow_url(self) -> str:
        """Base URL of Airflow's UI and API."""
        return programs.addresses(self.ports)["api-server"]

    def settings(self) -> Settings:
        """The addresses of this stack; a lake, ledger or store given as AIRWORTHY_* counts instead of the local one."""
        where = programs.addresses(self.ports)
        return Settings(
            home=self.home,
            mlflow_url=where["mlflow"],
            serving_url=where["serving"],
            serving_token=self._keys().serving_token,
        )

    def credentials(self, user: str) -> Credentials:
        """Name, role and password of an Airflow user.

        Raises:
            UnknownUser: no such user, or the stack was never started.
        """
        return self.users.credentials(user)

    def own_environment(self) -> dict[str, str]:
        """The variables that make a process part of this stack, e.g. for `airflow` in a shell (`airworthy env`)."""
        # first the folder whose `pipelines` are used: their code is imported by that name
        folders = (self.settings().pipelines.parent, PROJECT_ROOT / "include", PROJECT_ROOT / "plugins")
        ports = {f"AIRWORTHY_PORT_{name.upper()}": str(port) for name, port in asdict(self.ports).items()}
        return {
            **self.settings().as_environment(),
            **ports,
            "AIRWORTHY_AIRFLOW_URL": self.airflow_url,
            "AIRWORTHY_KUBECONFIG": str(self.kubeconfig),
            **airflow_config.environment(self.home / "airflow", self.ports.airflow, self._keys()),
            "PYTHONPATH": os.pathsep.join(map(str, dict.fromkeys(folders))),
        }

    def environment(self) -> dict[str, str]:
        """The complete environment of the stack's processes."""
        return environment.complete(self.own_environment(), os.environ)

    # ------------------------------------------------------------------ up, down, status

    def up(
        self, wait: bool = True, *, console: Console | None = None, timeout_seconds: float = 600
    ) -> list[Credentials]:
        """Start what does not run yet, and wait until everything is healthy.

        Interrupted or failed, a start leaves nothing running. A stack that runs already is only looked at.

        Args:
            wait: False returns as soon as everything is started.
            console: where to show progress; None shows nothing.
            timeout_seconds: after which a process that is not healthy fails the start.

        Returns:
            New users with their passwords, to be shown once.

        Raises:
            PortTaken, DiskFull, JavaMissing: this machine cannot run it now.
            StackFailed: a process does not come up; with the end of its log.
        """
        self._make_home()
        preconditions.check(self.home, os.environ)
        with self._alone():
            new_users = self.users.ensure()
            deadline = time.monotonic() + timeout_seconds
            supervisor = self._supervisor()
            with Screen(console) as screen:
                if supervisor.alive():
                    self._require_same_ports()
                    self._start(supervisor, screen, wait, deadline)
                    return new_users
                screen.phase("starting the supervisor")
                supervisor.end_left_overs()
                self.ports.require_free()
                write_private(self._record, json.dumps({"ports": asdict(self.ports)}, indent=1) + "\n")
                try:
                    supervisor.start()
                    self._start(supervisor, screen, wait, deadline)
                except BaseException:
                    screen.phase("stopping what was started")
                    self.down()
                    self.users.forget(user.user for user in new_users)  # nobody has seen them
                    raise
            return new_users

    def down(self) -> int:
        """Stop everything, also what a crashed or killed supervisor has left; the state stays.

        Returns:
            How many processes were ended; 0 when nothing ran.
        """
        ended = self._supervisor().stop()
        # pods do not see the stack's environment, so they are found by their own marks
        return ended + len(sweep(self.home / "cluster"))

    def known(self) -> bool:
        """Whether it was ever started, so that it has addresses, keys and users."""
        return self._record.exists()

    def running(self) -> bool:
        """Whether the supervisor runs; says nothing of health."""
        return self._supervisor().alive()

    def status(self) -> list[ProcessHealth]:
        """Health of every process."""
        return programs.health(self._supervisor().states(), self.ports)

    def log_file(self, name: str) -> Path:
        """Where a process's output goes.

        Raises:
            StackFailed: there is no such process.
        """
        if name not in programs.NAMES:
            raise StackFailed(f"no process {name!r} here", next_step=f"one of: {', '.join(programs.NAMES)}")
        return self._supervisor().log_file(name)

    # ------------------------------------------------------------------ how it starts

    def _start(self, supervisor: Supervisor, screen: Screen, wait: bool, deadline: float) -> None:
        self._settings_to_apply()  # a mistake in it should show before the waiting
        # Airflow's components need its database; the scheduler also the connections, or a Dag run fails without them.
        for name in ("cluster", "mlflow", "serving"):
            supervisor.start_program(name)
        screen.phase("preparing Airflow's database")
        marked = {**self.environment(), **KEEPS_MARKS, STACK_MARK: str(self.home)}
        migration = airflow_config.Migration(self.home / "airflow", marked, supervisor.log_file("migrate"))
        while not migration.done():
            screen.show(self.status())
            time.sleep(0.3)
        apply = self._settings_to_apply()
        screen.phase("waiting until everything answers")
        for name in ("api-server", "dag-processor", "triggerer"):
            supervisor.start_program(name)
        if apply:
            self._wait(["api-server"], screen, deadline)
            screen.phase("putting airflow_settings.yaml into Airflow")
            apply.apply(self.airflow_url, self.credentials("admin"))
            write_private(airflow_config.settings_stamp(self.home / "airflow"), apply.digest)
            screen.phase("waiting until everything answers")
        supervisor.start_program("scheduler")
        if wait:
            self._wait(programs.NAMES, screen, deadline)

    def _wait(self, names: Sequence[str], screen: Screen, deadline: float) -> None:
        starts: dict[str, set[int]] = defaultdict(set)
        while True:
            found = self.status()
            screen.show(found)
            missing = [each for each in found if each.name in names and each.health != "healthy"]
            if not missing:
                return
            for each in found:
                if each.health == "failing":
                    starts[each.name].add(each.started)
                    if len(starts[each.name]) >= _HOPELESS_STARTS:
                        raise self._failure(each, f"ended {_HOPELESS_STARTS} times at once")
            if not self.running():
                raise StackFailed("the stack was stopped while it started", next_step="airworthy up")
            if time.monotonic() > deadline:
                raise self._failure(missing[0], f"is still {missing[0].health}: {missing[0].detail}")
            time.sleep(0.3)

    def _failure(self, process: ProcessHealth, what: str) -> StackFailed:
        log = self.log_file(process.name)
        lines = log.read_text(errors="replace").splitlines()[-20:] if log.exists() else ["(it printed nothing)"]
        return StackFailed(
            f"{process.name} {what}\n" + "\n".join(f"  | {line}" for line in lines),
            next_step=f"see {log}, then: airworthy up; docs/runbook.md#stack-does-not-come-up",
        )

    # ------------------------------------------------------------------ what is kept

    def _settings_to_apply(self) -> airflow_settings.AirflowSettings | None:
        """airflow_settings.yaml when it, or what it refers to, has changed since it was put into this database."""
        loaded = airflow_settings.load(PROJECT_ROOT / "airflow_settings.yaml", self.environment())
        stamp = airflow_config.settings_stamp(self.home / "airflow")
        known = stamp.read_text() if stamp.exists() else ""
        return None if known == loaded.digest else loaded

    def _supervisor(self) -> Supervisor:
        return Supervisor(self.home, programs.programs(self.home, self.ports), self.environment, PROJECT_ROOT)

    def _keys(self) -> Keys:
        return Keys.load_or_make(self.home / "secrets" / "keys.json")

    def _remembered(self) -> dict[str, int]:
        try:
            return dict(json.loads(self._record.read_text())["ports"])
        except (OSError, ValueError, KeyError):
            return {}

    def _require_same_ports(self) -> None:
        if self._remembered() != asdict(self.ports):
            raise StackFailed(
                f"the stack runs already, with the ports {self._remembered()}",
                next_step="airworthy down, then airworthy up with the other ports",
            )

    def _make_home(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        for folder in ("airflow", "mlflow", "cluster", "feast", "landing", "lake", "logs"):
            (self.home / folder).mkdir(exist_ok=True)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.home / "stack.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackBusy(
                    f"another command is starting the stack of {self.home}", next_step="wait for it, or end it"
                ) from None
            yield
