"""Counts the answers to replayed requests, and reports them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.table import Table


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

    def left(self, limit: int | None) -> int | None:
        """How many of ``limit`` instances were not sent yet; None when there is no limit."""
        with self._lock:
            return None if limit is None else max(0, limit - self._counts["requests"] - self._counts["errors"])

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


def as_table(report: ReplayReport) -> Table:
    """For the terminal."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    shares = ", ".join(
        f"{variant} {count:,} ({100 * count / report.requests:.2f} %)"
        for variant, count in sorted(report.by_variant.items())
    )
    latency = "" if report.p50_ms is None else f"p50 {report.p50_ms:.1f} ms, p95 {report.p95_ms:.1f} ms"
    for name, value in (
        ("day", report.day),
        ("landed", f"{report.landed} files" if report.landed else ""),
        ("answered", f"{report.requests:,} in {report.seconds:.0f} s, {report.rate:,.0f}/s"),
        ("latency", latency),
        ("shares", shares),
        ("versions", ", ".join(f"v{version}: {count:,}" for version, count in report.versions.items())),
        ("fallbacks", str(report.fallbacks or "")),
        ("retries", str(report.retries or "")),
        ("errors", f"{report.errors}: {report.last_error}" if report.errors else ""),
    ):
        if value:
            table.add_row(f"[bold]{name}", value)
    return table
