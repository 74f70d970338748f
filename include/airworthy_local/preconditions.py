"""What a machine must have before the stack starts: room on the disk, and Java for Spark."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from airworthy.errors import AirworthyError

#: A run around the example's loop writes about half of it.
NEEDED_GB = 2.0
#: Spark 4 runs on no older one.
NEEDED_JAVA = 17


class DiskFull(AirworthyError):
    """Too little room for the stack's state."""


class JavaMissing(AirworthyError):
    """Spark finds no Java, or one that is too old."""


def check(home: Path, environment: Mapping[str, str]) -> None:
    """Check disk and Java.

    Raises:
        DiskFull: less than ``NEEDED_GB`` free where ``home`` is.
        JavaMissing: no Java of at least ``NEEDED_JAVA`` under JAVA_HOME or on the PATH.
    """
    check_disk(home)
    check_java(environment)


def check_disk(home: Path, needed_gb: float = NEEDED_GB) -> None:
    """Raises DiskFull when less is free."""
    free_gb = shutil.disk_usage(home).free / 1e9
    if free_gb < needed_gb:
        raise DiskFull(
            f"{free_gb:.1f} GB free for {home}, expected at least {needed_gb:g} GB",
            next_step="free some space, or keep it elsewhere: AIRWORTHY_HOME=/path make up; docs/runbook.md#disk-full",
        )


def check_java(environment: Mapping[str, str]) -> None:
    """Raises JavaMissing when there is none that Spark can run on."""
    java_home = environment.get("JAVA_HOME")
    java = f"{java_home}/bin/java" if java_home else shutil.which("java", path=environment.get("PATH"))
    install = "sudo apt-get install -y --no-install-recommends openjdk-17-jre-headless"
    try:
        if java is None:
            raise FileNotFoundError
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30).stderr
    except OSError as error:
        where = f"JAVA_HOME={java_home}" if java_home else "on the PATH"
        raise JavaMissing(f"no Java {where}, and Spark needs {NEEDED_JAVA} or newer", next_step=install) from error
    found = re.search(r'version "(\d+)', answer)
    if not found or int(found[1]) < NEEDED_JAVA:
        seen = answer.splitlines()[0] if answer else "no version"
        raise JavaMissing(f"{java} says {seen!r}, and Spark needs {NEEDED_JAVA} or newer", next_step=install)
