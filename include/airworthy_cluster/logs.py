"""A container's log as the API gives it: filtered, with or without times, and followed to the container's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

#: How often a followed log is looked at.
FOLLOW_SECONDS = 0.1
#: RFC 3339 with nanoseconds and Z: what the runner writes in front of every line.
STAMP_LENGTH = len("2006-01-02T15:04:05.000000000Z")


@dataclass(frozen=True)
class LogOptions:
    """What the caller wants to see; ``since`` is in seconds since the epoch."""

    timestamps: bool = False
    since: float | None = None
    tail: int | None = None
    limit_bytes: int | None = None


def _is_wanted(line: bytes, options: LogOptions) -> bool:
    if options.since is None:
        return True
    moment = datetime.strptime(line[:19].decode(), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return moment.timestamp() + int(line[20:29]) / 1e9 >= options.since


def _shown(line: bytes, options: LogOptions) -> bytes:
    flag, text = line[STAMP_LENGTH + 1 : STAMP_LENGTH + 2], line[STAMP_LENGTH + 3 :]
    end = b"" if flag == b"P" and not options.timestamps else b"\n"
    return (line[: STAMP_LENGTH + 1] if options.timestamps else b"") + text + end


def tail(path: Path, size: int) -> str:
    """The last ``size`` bytes of a log, without times."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return ""
    text = b"".join(_shown(line, LogOptions()) for line in lines[-size:])
    return text[-size:].decode(errors="replace")


async def stream(path: Path, options: LogOptions, *, follow: bool, ended: Callable[[], bool]) -> AsyncIterator[bytes]:
    """The log in chunks of whole lines.

    Args:
        path: the file that the runner writes; it may not be there yet.
        follow: go on until the container has ended.
        ended: whether it has.
    """
    while not path.exists():  # the runner makes it in a moment
        if not follow or ended():
            return
        await asyncio.sleep(FOLLOW_SECONDS)
    sent, first, rest = 0, True, b""
    with path.open("rb") as file:  # kept open: a deleted pod's last lines can still be read
        while True:
            over = not follow or ended()  # before reading: what is written until then is still read
            *found, rest = (rest + file.read()).split(b"\n")
            lines = [line for line in found if _is_wanted(line, options)]
            if first and options.tail is not None:
                lines = lines[-options.tail :] if options.tail else []
            first = False
            data = b"".join(_shown(line, options) for line in lines)
            if options.limit_bytes is not None:
                data = data[: options.limit_bytes - sent]
            sent += len(data)
            if data:
                yield data
            if over or sent == options.limit_bytes:
                return
            await asyncio.sleep(FOLLOW_SECONDS)
