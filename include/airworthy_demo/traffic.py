"""Sends prediction requests as a booking system would: concurrently, again when the service restarts, and counted."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
import orjson

from airworthy.errors import AirworthyError

#: Answers that mean "not now": a restart, no champion yet, too busy.
RETRIED = frozenset({429, 502, 503, 504})


class ServiceRefuses(AirworthyError):
    """The service refuses every request alike, e.g. for a wrong token."""


@dataclass(frozen=True)
class ReplayReport:
    """What came back.

    Attributes:
        requests: instances that were answered.
        by_variant: answered instances by the variant their key belongs to.
        versions: answered instances by the version that answered.
        errors: instances that got no answer.
        fallbacks: those that the champion answered because the challenger failed.
        retries: HTTP requests that had to be sent again.
        p50_ms, p95_ms: latency of HTTP requests as the client saw it, of the successful attempt.
        seconds: since the start.
        releases: the release ids seen.
        last_error: why the last instance got no answer.
        landed: files that were put into the landing zone.
        day: the day that is being played.
    """

    requests: int = 0
    by_variant: dict[str, int] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    errors: int = 0
    fallbacks: int = 0
    retries: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    seconds: float = 0.0
    releases: tuple[str, ...] = ()
    last_error: str = ""
    landed: int = 0
    day: str = ""

    @property
    def rate(self) -> float:
        """Instances answered per second."""
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def challenger_share(self) -> float:
        """The challenger's share of the answered instances, in percent."""
        return 100 * self.by_variant.get("challenger", 0) / self.requests if self.requests else 0.0

    def line(self) -> str:
        """In one line, for people."""
        parts = [f"{self.requests:,} requests, {self.rate:,.0f}/s"]
        if self.p95_ms is not None:
            parts.append(f"p50 {self.p50_ms:.1f} ms, p95 {self.p95_ms:.1f} ms")
        if "challenger" in self.by_variant:
            parts.append(f"challenger {self.by_variant['challenger']:,} ({self.challenger_share:.2f} %)")
        for name, count in (("fallbacks", self.fallbacks), ("retries", self.retries), ("errors", self.errors)):
            if count:
                parts.append(f"{name} {count:,}")
        return ", ".join(parts)


class Tally:
    """Counts while requests are under way; :meth:`report` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_variant: Counter[str] = Counter()
        self._versions: Counter[int] = Counter()
        self._releases: dict[str, None] = {}
        self._milliseconds: list[float] = []
        self._counts: Counter[str] = Counter()
        self._last_error = ""
        self._day = ""
        self._started = time.monotonic()

    def answered(self, answer: dict[str, Any], milliseconds: float) -> None:
        """Count one HTTP answer."""
        with self._lock:
            self._milliseconds.append(milliseconds)
            if answer.get("release_id"):
                self._releases[answer["release_id"]] = None
            for each in answer["predictions"]:
                self._counts["requests"] += 1
                self._counts["fallbacks"] += each["fallback"]
                self._by_variant[each["variant"]] += 1
                self._versions[each["version"]] += 1

    def failed(self, instances: int, why: str) -> None:
        """Count instances that got no answer."""
        with self._lock:
            self._counts["errors"] += instances
            self._last_error = why

    def retried(self) -> None:
        """Count an attempt that has to be made again."""
        with self._lock:
            self._counts["retries"] += 1

    def playing(self, day: str, landed: int = 0) -> None:
        """Say which day is played, and count landed files."""
        with self._lock:
            self._day = day
            self._counts["landed"] += landed

    def report(self) -> ReplayReport:
        """Everything so far."""
        with self._lock:
            times = np.array(self._milliseconds)
            p50, p95 = np.percentile(times, (50, 95)).tolist() if len(times) else (None, None)
            return ReplayReport(
                **{name: self._counts[name] for name in ("requests", "errors", "fallbacks", "retries", "landed")},
                by_variant=dict(self._by_variant),
                versions=dict(sorted(self._versions.items())),
                p50_ms=p50,
                p95_ms=p95,
                seconds=time.monotonic() - self._started,
                releases=tuple(self._releases),
                last_error=self._last_error,
                day=self._day,
            )


@dataclass(frozen=True)
class Pace:
    """How fast to send.

    Attributes:
        rate: at most so many instances per second; None for no limit.
        concurrency: HTTP requests under way at once.
        batch: instances per HTTP request.
        patience_seconds: how long one request is tried again while the service is away.
    """

    rate: float | None = None
    concurrency: int = 8
    batch: int = 1
    patience_seconds: float = 120.0


async def send(
    requests: Iterable[tuple[float, dict[str, Any]]],
    *,
    url: str,
    token: str,
    pace: Pace,
    tally: Tally,
    stop: threading.Event | None = None,
    on_progress: Callable[[ReplayReport], None] | None = None,
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
    source = _batches(requests, pace.batch)
    started = time.monotonic()
    sent = 0

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal sent
        for due, instances in source:  # shared: each batch goes to one worker
            if pace.rate:
                due = max(due, sent / pace.rate)
            sent += len(instances)
            while (wait := started + due - time.monotonic()) > 0 and not _stopped(stop):
                await asyncio.sleep(min(wait, 0.2))
            if _stopped(stop):
                return
            await _until_answered(session, url, instances, pace, tally, stop)

    async def progress() -> None:
        while on_progress is not None:
            on_progress(tally.report())
            await asyncio.sleep(0.5)

    connector = aiohttp.TCPConnector(limit=pace.concurrency)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    timeout = aiohttp.ClientTimeout(total=30, sock_connect=5)
    async with aiohttp.ClientSession(connector=connector, headers=headers, timeout=timeout) as session:
        reporter = asyncio.create_task(progress())
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(pace.concurrency):
                    workers.create_task(worker(session))
        except* AirworthyError as group:
            raise group.exceptions[0] from None
        finally:
            reporter.cancel()
    if on_progress is not None:
        on_progress(tally.report())


async def _until_answered(
    session: aiohttp.ClientSession,
    url: str,
    instances: list[dict[str, Any]],
    pace: Pace,
    tally: Tally,
    stop: threading.Event | None,
) -> None:
    body = orjson.dumps({"instances": instances})
    deadline = time.monotonic() + pace.patience_seconds
    pause = 0.05
    while True:
        began = time.perf_counter()
        try:
            async with session.post(url, data=body) as response:
                content = await response.read()
                if response.status == 200:
                    tally.answered(orjson.loads(content), (time.perf_counter() - began) * 1000)
                    return
                why = f"{response.status}: {content.decode(errors='replace')[:300]}"
                if response.status in (401, 403, 404):
                    raise ServiceRefuses(f"{url}: {why}", next_step="see AIRWORTHY_SERVING_URL and the token")
                if response.status not in RETRIED:
                    tally.failed(len(instances), why)
                    return
        except (aiohttp.ClientError, TimeoutError) as error:
            why = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline or _stopped(stop):
            tally.failed(len(instances), why)
            return
        tally.retried()
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, 1.0)


def _batches(
    requests: Iterable[tuple[float, dict[str, Any]]], size: int
) -> Iterator[tuple[float, list[dict[str, Any]]]]:
    """Groups of ``size``; a group is due when its last instance is."""
    group: list[dict[str, Any]] = []
    due = 0.0
    for due, instance in requests:
        group.append(instance)
        if len(group) == size:
            yield due, group
            group = []
    if group:
        yield due, group


def _stopped(stop: threading.Event | None) -> bool:
    return stop is not None and stop.is_set()
