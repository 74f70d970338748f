"""Sends prediction requests as a booking system would: concurrently, again when the service restarts, and counted."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import aiohttp
import orjson

from airworthy.errors import AirworthyError
from airworthy_demo.playback import Pace
from airworthy_demo.tally import ReplayReport, Tally

#: Answers that mean "not now": a restart, no champion yet, too busy.
RETRIED = frozenset({429, 502, 503, 504})
#: Answers that every request would get alike.
REFUSALS = frozenset({401, 403, 404})
#: How often the progress is reported.
PROGRESS_SECONDS = 0.5

Instance = dict[str, Any]
OnProgress = Callable[[ReplayReport], None]


class ServiceRefuses(AirworthyError):
    """The service refuses every request alike, e.g. for a wrong token."""


async def send(
    requests: Iterable[tuple[float, Instance]],
    *,
    url: str,
    token: str,
    pace: Pace,
    tally: Tally,
    stop: threading.Event,
    on_progress: OnProgress | None = None,
) -> None:
    """Send every request until it is answered once.

    Args:
        requests: (seconds after the start before which it is not sent, instance), in order.
        url: of the model's predict route.
        token: the service's bearer token.
        pace: limits.
        tally: counts.
        stop: set it to send no more; what is under way is waited for.
        on_progress: called twice a second.

    Raises:
        ServiceRefuses: the token is wrong, or there is no such model.
    """
    batches = _batches(requests, pace.batch)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=pace.concurrency)
    timeout = aiohttp.ClientTimeout(total=30, sock_connect=5)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        sender = _Sender(session, url, pace, tally, stop)
        reporter = asyncio.create_task(_report(tally, on_progress))
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(pace.concurrency):
                    workers.create_task(sender.work(batches))  # shared: each batch goes to one worker
        except* AirworthyError as group:
            raise group.exceptions[0] from None
        finally:
            reporter.cancel()
    if on_progress is not None:
        on_progress(tally.report())


async def _report(tally: Tally, on_progress: OnProgress | None) -> None:
    while on_progress is not None:
        on_progress(tally.report())
        await asyncio.sleep(PROGRESS_SECONDS)


class _Sender:
    """What the workers of one replay share."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, pace: Pace, tally: Tally, stop: threading.Event
    ) -> None:
        self._session, self._url, self._pace, self._tally, self._stop = session, url, pace, tally, stop
        self._started = time.monotonic()
        self._sent = 0

    async def work(self, batches: Iterator[tuple[float, list[Instance]]]) -> None:
        """Send one batch after the other, each when it is due."""
        for due, instances in batches:
            if self._pace.rate:
                due = max(due, self._sent / self._pace.rate)
            self._sent += len(instances)
            while (wait := self._started + due - time.monotonic()) > 0 and not self._stop.is_set():
                await asyncio.sleep(min(wait, 0.2))
            if self._stop.is_set():
                return
            await self._until_answered(instances)

    async def _until_answered(self, instances: list[Instance]) -> None:
        body = orjson.dumps({"instances": instances})
        deadline = time.monotonic() + self._pace.patience_seconds
        pause = 0.05
        while why := await self._attempt(body, len(instances)):
            if time.monotonic() > deadline or self._stop.is_set():
                self._tally.failed(len(instances), why)
                return
            self._tally.retried()
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, 1.0)

    async def _attempt(self, body: bytes, instances: int) -> str | None:
        """Send once, and count what came back.

        Returns:
            Why it has to be sent again; None when it was answered, or never will be.
        """
        began = time.perf_counter()
        try:
            async with self._session.post(self._url, data=body) as response:
                content = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return f"{type(error).__name__}: {error}"
        if response.status == 200:
            self._tally.answered(orjson.loads(content), (time.perf_counter() - began) * 1000)
            return None
        why = f"{response.status}: {content.decode(errors='replace')[:300]}"
        if response.status in REFUSALS:
            raise ServiceRefuses(f"{self._url}: {why}", next_step="see AIRWORTHY_SERVING_URL and the token")
        if response.status in RETRIED:
            return why
        self._tally.failed(instances, why)
        return None


def _batches(requests: Iterable[tuple[float, Instance]], size: int) -> Iterator[tuple[float, list[Instance]]]:
    """Groups of ``size``; a group is due when its last instance is."""
    group: list[Instance] = []
    due = 0.0
    for due, instance in requests:
        group.append(instance)
        if len(group) == size:
            yield due, group
            group = []
    if group:
        yield due, group
