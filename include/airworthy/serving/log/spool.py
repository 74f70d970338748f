"""Files between the service and the lake: rows survive a kill -9, and reach the lake exactly once."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import orjson


class SpoolFull(OSError):
    """The lake has been away for so long that the spool may not grow any more."""


class Spool:
    """Append-only JSON lines of one process: ``<root>/<spool id>/<sequence>.jsonl``.

    The newest file is open for appending, older ones are closed and wait for the lake. A closed file never changes,
    and its spool id and sequence number are a Delta application transaction: committing it again after a crash
    changes nothing. The folder is locked while its process lives; the next process takes over what a dead one left.

    Args:
        root: one folder per pipeline.
        max_bytes: :meth:`append` refuses beyond that.
    """

    def __init__(self, root: Path, *, max_bytes: int) -> None:
        self.root = root
        self.id = uuid4().hex
        self.folder = root / self.id
        self._max_bytes = max_bytes
        self._sequence = 0
        self._file: IO[bytes] | None = None
        self._good = 0  # bytes of the open file that are known to be whole
        self._lock: IO[bytes] | None = None

    def append(self, rows: list[dict[str, Any]]) -> None:
        """Write rows and wait until the disk has them. All or none: a failed write leaves the file as it was.

        Raises:
            OSError: the disk is full, or the spool is (:class:`SpoolFull`).
        """
        data = b"".join(orjson.dumps(row, option=_OPTIONS) + b"\n" for row in rows)
        if self._file is None:
            if self._bytes_waiting() + len(data) > self._max_bytes:
                raise SpoolFull(f"{self.folder} holds {self._max_bytes} bytes")
            self._open()
        assert self._file is not None, "opened above"
        # written at the last good place, so that half a write is overwritten by the next one
        done = 0
        while done < len(data):
            done += os.pwrite(self._file.fileno(), data[done:], self._good + done)
        os.fsync(self._file.fileno())
        self._good += len(data)

    def close_file(self) -> None:
        """Close the open file: from now on it waits for the lake."""
        if self._file is not None:
            with suppress(OSError):  # half a line would be left out in reading, too
                os.ftruncate(self._file.fileno(), self._good)
            self._file.close()
            self._file = None

    def closed_files(self) -> list[tuple[int, Path]]:
        """Sequence number and path of the files that wait, oldest first."""
        found = sorted((int(path.stem), path) for path in self.folder.glob("*.jsonl"))
        return [(number, path) for number, path in found if self._file is None or number != self._sequence]

    def abandoned(self) -> Iterator[Spool]:
        """The spools that dead processes left, each locked while it is in use."""
        if not self.root.exists():
            return
        for folder in sorted(self.root.iterdir()):
            if folder == self.folder or not folder.is_dir():
                continue
            spool = Spool(self.root, max_bytes=self._max_bytes)
            spool.id, spool.folder = folder.name, folder
            try:
                spool._take_lock()
            except OSError:
                continue  # its process lives
            try:
                yield spool
            finally:
                spool.release()

    def release(self, *, remove: bool = False) -> None:
        """Give the folder up; with ``remove``, when nothing waits in it, delete it."""
        self.close_file()
        if remove and not self.closed_files():
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _open(self) -> None:
        if self._lock is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
        self._file = (self.folder / f"{self._sequence + 1:08d}.jsonl").open("wb", buffering=0)
        self._sequence += 1
        self._good = 0

    def _take_lock(self) -> None:
        lock = (self.folder / "lock").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise
        self._lock = lock

    def _bytes_waiting(self) -> int:
        return sum(path.stat().st_size for path in self.root.glob("*/*.jsonl"))


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file. A last line that a killed process did not finish is left out."""
    rows = []
    for line in path.read_bytes().split(b"\n"):
        try:
            rows.append(orjson.loads(line))
        except orjson.JSONDecodeError:
            continue
    return rows


_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
