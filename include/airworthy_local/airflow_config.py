"""Airflow's configuration in the embedded stack: one machine, one person, answers in seconds."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from airworthy.errors import AirworthyError
from airworthy.settings import PROJECT_ROOT
from airworthy_local import users
from airworthy_local.credentials import Keys
from airworthy_local.ports import LOOPBACK

#: Of use where one person waits for the answer; a cluster that serves many would save the load.
_ANSWERS_IN_SECONDS: dict[str, dict[str, object]] = {
    "scheduler": {
        # half a second between a task's end and its successor's start, at next to no load
        "scheduler_idle_sleep_time": 0.5,
        # A scheduler killed with -9 is started again at once. Its running tasks are tried again as soon as their
        # scheduler counts as dead and the new one looks: here within a minute, by Airflow's defaults in five.
        "scheduler_heartbeat_sec": 3,
        "scheduler_health_check_threshold": 20,
        "orphaned_tasks_check_interval": 15,
        "task_instance_heartbeat_timeout": 60,
        "task_instance_heartbeat_timeout_detection_interval": 10,
    },
    "triggerer": {"job_heartbeat_sec": 3, "triggerer_health_check_threshold": 20},
    "dag_processor": {
        # an edited DAG shows within a minute, a new file sooner; each parse costs a second of a core
        "min_file_process_interval": 60,
        "refresh_interval": 10,
        "parsing_processes": 1,
        "disable_bundle_versioning": True,
    },
}


class MigrationFailed(AirworthyError):
    """Airflow's database could not be created or brought up to date."""


def environment(home: Path, port: int, keys: Keys) -> dict[str, str]:
    """Airflow's configuration as environment variables.

    Args:
        home: AIRFLOW_HOME, which holds its database, logs and passwords file.
        port: of the API server, on loopback.
        keys: the stack's secrets.
    """
    url = f"http://{LOOPBACK}:{port}"
    sections: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": PROJECT_ROOT / "dags",
            "plugins_folder": PROJECT_ROOT / "plugins",
            "load_examples": False,
            "dags_are_paused_at_creation": False,
            "executor": "LocalExecutor",
            "parallelism": 6,
            "fernet_key": keys.fernet,
            "execution_api_server_url": f"{url}/execution/",
            "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "simple_auth_manager_users": users.as_airflow_setting(),
            "simple_auth_manager_passwords_file": passwords_file(home),
            "min_serialized_dag_update_interval": 5,
        },
        "database": {"sql_alchemy_conn": f"sqlite:///{database(home)}"},
        "api": {
            "base_url": url,
            "host": LOOPBACK,
            "port": port,
            "workers": 1,
            "secret_key": keys.api_secret,
            "instance_name": "Airworthy",
        },
        "api_auth": {"jwt_secret": keys.jwt_secret},
        **_ANSWERS_IN_SECONDS,
        "logging": {"base_log_folder": home / "logs", "logging_level": "INFO"},
        "usage_data_collection": {"enabled": False},
    }
    return {
        "AIRFLOW_HOME": str(home),
        **{
            f"AIRFLOW__{section}__{option}".upper(): str(value)
            for section, options in sections.items()
            for option, value in options.items()
        },
    }


def passwords_file(home: Path) -> Path:
    """The simple auth manager's passwords, JSON by user name."""
    return home / "passwords.json"


def database(home: Path) -> Path:
    """Airflow's SQLite database."""
    return home / "airflow.db"


def settings_stamp(home: Path) -> Path:
    """Holds the digest of the airflow_settings.yaml that is in the database."""
    return home / ".settings-applied"


class Migration:
    """Creates Airflow's database or brings it up to date, in a process of its own.

    Nothing runs when this version of Airflow has done so before.

    Args:
        home: AIRFLOW_HOME.
        complete_environment: the environment of that process.
        log: where its output goes.
    """

    def __init__(self, home: Path, complete_environment: Mapping[str, str], log: Path) -> None:
        self._home = home
        self._log = log
        self._stamp = home / ".migrated-to"
        self._wanted = version("apache-airflow-core")
        self._process: subprocess.Popen[bytes] | None = None
        if database(home).exists() and self._stamp.exists() and self._stamp.read_text() == self._wanted:
            return
        if not self._stamp.exists():
            # a first migration that was interrupted leaves a database that Airflow cannot mend, and nothing in it
            for part in (*home.glob("airflow.db*"), settings_stamp(home)):
                part.unlink(missing_ok=True)
        with log.open("w") as output:
            self._process = subprocess.Popen(
                ["airflow", "db", "migrate"],
                env=dict(complete_environment),
                cwd=PROJECT_ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def done(self) -> bool:
        """Whether the database is ready.

        Raises:
            MigrationFailed: with the end of what Airflow printed.
        """
        if self._process is None:
            return True
        code = self._process.poll()
        if code is None:
            return False
        if code != 0:
            tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
            raise MigrationFailed(f"`airflow db migrate` failed:\n{tail}", next_step=f"see {self._log}")
        with contextlib.closing(sqlite3.connect(database(self._home))) as connection:
            # readers no longer wait for a writer; a property of the file, so once is enough
            connection.execute("PRAGMA journal_mode=WAL")
        self._stamp.write_text(self._wanted)
        self._process = None
        return True
