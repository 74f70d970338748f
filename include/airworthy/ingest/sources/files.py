"""The landing zone: which files are there, and which of them are complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from airworthy.errors import AirworthyError
from airworthy.storage import filesystem

TEMPORARY_SUFFIXES = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".inprogress")
READERS = 8  # on S3 a small file is mostly waiting


class LandingError(AirworthyError):
    """The landing zone cannot be listed or read."""


@dataclass(frozen=True)
class Landed:
    """A file as the landing zone lists it."""

    path: str  # below the landing zone
    size: int  # bytes
    modified: datetime  # UTC


@dataclass(frozen=True)
class Settle:
    """When a file counts as complete.

    A file younger than ``young`` is looked at twice, ``pause`` apart: one that changes meanwhile, or ends in the
    middle of a line, is left for the next run. An older one that ends in the middle was truncated.
    """

    young: timedelta = timedelta(seconds=60)
    pause: timedelta = timedelta(seconds=0.5)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def is_young(self, file: Landed, now: datetime) -> bool:
        """Also of a file from the future: the store's clock is not ours."""
        return now - file.modified < self.young


class Landing:
    """Files below one URL.

    Args:
        url: folder, ``s3://`` or any other fsspec URL.
        storage_options: delta-rs style keys for ``s3://``.
    """

    def __init__(self, url: str, storage_options: Mapping[str, str]) -> None:
        self._url = url
        self._fs, self._root = filesystem(url, storage_options)

    def files(self, pattern: str) -> tuple[list[Landed], list[Landed]]:
        """Files that match, oldest first, and files that will match when their writer renames them.

        Raises:
            LandingError: the landing zone cannot be listed.
        """
        finished = {file.path: file for file in self._glob(pattern)}
        unfinished = {file.path: file for suffix in TEMPORARY_SUFFIXES for file in self._glob(pattern + suffix)}
        for path in [path for path in finished if _is_temporary(path)]:
            unfinished[path] = finished.pop(path)
        oldest_first = sorted(finished.values(), key=lambda file: (file.modified, file.path))
        return oldest_first, [unfinished[path] for path in sorted(unfinished)]

    def moving(self, pattern: str, files: Iterable[Landed], settle: Settle) -> set[str]:
        """Paths of those files that look different a moment later."""
        before = {file.path: file for file in files}
        if not before:
            return set()
        settle.sleep(settle.pause.total_seconds())
        self._fs.invalidate_cache()
        after = {file.path: file for file in self._glob(pattern)}
        return {path for path, file in before.items() if after.get(path) != file}

    def read(self, files: list[Landed]) -> list[bytes | None]:
        """Contents in the order of ``files``; None for one that is gone.

        Raises:
            LandingError: a file is there and cannot be read.
        """

        def one(file: Landed) -> bytes | None:
            try:
                return self._fs.cat_file(f"{self._root}/{file.path}")
            except FileNotFoundError:
                return None
            except OSError as error:
                raise LandingError(
                    f"{self._url}/{file.path} cannot be read: {error}",
                    next_step="let this user read it; docs/runbook.md#landing-unreadable",
                ) from error

        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(one, files))

    def _glob(self, pattern: str) -> list[Landed]:
        try:
            found: dict[str, dict[str, Any]] = self._fs.glob(f"{self._root}/{pattern}", detail=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LandingError(
                f"{self._url} cannot be listed: {error}",
                next_step="check its address and credentials; docs/runbook.md#landing-unreadable",
            ) from error
        return [
            Landed(name[name.index(self._root) + len(self._root) :].lstrip("/"), info["size"], _modified(info))
            for name, info in found.items()
            if info["type"] == "file"
        ]


def _is_temporary(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.startswith((".", "_")) or name.endswith(TEMPORARY_SUFFIXES)


def _modified(info: Mapping[str, Any]) -> datetime:
    """fsspec's file systems name and type the time of the last change each in their way."""
    for key in ("mtime", "LastModified", "last_modified", "updated", "modified"):
        value = info.get(key)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
    raise LandingError(
        f"no modification time among {sorted(info)}", next_step="use a landing zone whose files have one"
    )
