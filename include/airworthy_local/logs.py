"""Shows and follows log files, rotation included."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path


def show(
    files: Mapping[str, Path],
    *,
    lines: int,
    follow: bool,
    write: Callable[[str], None],
    pause_seconds: float = 0.5,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Write the last lines of each file, and go on with what is added.

    With more than one file, each line is preceded by its name.

    Args:
        files: name -> path; a file that is not there yet is waited for.
        lines: how many of the last lines of each.
        follow: whether to go on until interrupted, or until ``until`` says so.
        write: takes one line without its end.
        pause_seconds: between two looks at the files.
        until: ends the following; for tests.
    """
    width = max(len(name) for name in files)
    prefixes = {name: f"{name:<{width}} | " if len(files) > 1 else "" for name in files}
    positions: dict[str, tuple[int, int]] = {}
    for name, path in files.items():
        if path.exists():
            with path.open("rb") as file:
                for line in deque(file, maxlen=lines):
                    write(prefixes[name] + _text(line))
                positions[name] = (path.stat().st_ino, file.tell())
    while follow and not until():
        for name, path in files.items():
            if path.exists():
                positions[name] = _show_new(path, positions.get(name, (0, 0)), prefixes[name], write)
        time.sleep(pause_seconds)


def _show_new(path: Path, position: tuple[int, int], prefix: str, write: Callable[[str], None]) -> tuple[int, int]:
    inode, offset = position
    found = path.stat()
    if found.st_ino != inode or found.st_size < offset:  # rotated or cut: the new file is new from its start
        offset = 0
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):  # still being written
                break
            write(prefix + _text(line))
            offset += len(line)
    return found.st_ino, offset


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\n")
