"""Micro-batching that never waits: one thread works on whatever has arrived since it last looked."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence, Sized
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Sized)
Result = TypeVar("Result")


class QueueFull(Exception):
    """Too much is waiting already."""


class Job(Generic[Item, Result]):
    """An item on its way through a batcher.

    Attributes:
        item: the work.
        done: resolves to the result, or raises the item's error. Cancel it to give the item up.
        result: set by the batcher's thread, so it may be there a moment before ``done`` says so.
    """

    __slots__ = ("done", "item", "result")

    def __init__(self, item: Item, done: asyncio.Future[Result]) -> None:
        self.item = item
        self.done = done
        self.result: Result | None = None


class MicroBatcher(Generic[Item, Result]):
    """Runs ``work`` over batches of items in a thread of its own; the event loop is never blocked.

    While a batch is under way the next one gathers: alone, an item is worked on at once; under load the batches grow
    until the work keeps up. To be used from one event loop.

    Args:
        work: from the items of a batch to the result, or the error, of each.
        name: the thread's name.
        max_batch: sizes (``len``) of a batch's items add up to at most this, unless one alone is larger.
        max_waiting: sizes waiting at once.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        name: str,
        max_batch: int,
        max_waiting: int,
    ) -> None:
        self._work = work
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._waiting: deque[Job[Item, Result]] = deque()
        self._size = 0
        self._busy = False
        self._inbox: SimpleQueue[list[Job[Item, Result]] | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        # a daemon: a model that hangs must not keep the process from ending
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, item: Item) -> Job[Item, Result]:
        """Let ``item`` be worked on.

        Raises:
            QueueFull: more than ``max_waiting`` would wait.
        """
        if self._size + len(item) > max(self._max_waiting, len(item)):
            raise QueueFull
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        job: Job[Item, Result] = Job(item, self._loop.create_future())
        self._waiting.append(job)
        self._size += len(item)
        if not self._busy:
            self._busy = True
            # in the next turn: what else arrives in this one shares the batch
            self._loop.call_soon(self._next)
        return job

    def close(self) -> None:
        """Let the thread end once it is done with its present batch."""
        self._inbox.put(None)

    def _next(self) -> None:
        batch: list[Job[Item, Result]] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].item) <= self._max_batch):
            job = self._waiting.popleft()
            self._size -= len(job.item)
            if not job.done.done():
                batch.append(job)
                size += len(job.item)
        self._busy = bool(batch)
        if batch:
            self._inbox.put(batch)

    def _run(self) -> None:
        while (batch := self._inbox.get()) is not None:
            try:
                results = self._work([job.item for job in batch])
            except Exception as error:
                results = [error] * len(batch)
            for job, result in zip(batch, results, strict=True):
                if not isinstance(result, Exception):
                    job.result = result
            assert self._loop is not None, "batches come from submit()"
            try:
                self._loop.call_soon_threadsafe(self._finish, batch, results)
            except RuntimeError:  # the loop was closed meanwhile
                return

    def _finish(self, batch: list[Job[Item, Result]], results: Sequence[Result | Exception]) -> None:
        for job, result in zip(batch, results, strict=True):
            if job.done.done():
                continue
            if isinstance(result, Exception):
                job.done.set_exception(result)
            else:
                job.done.set_result(result)
        self._next()
