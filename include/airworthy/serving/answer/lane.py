"""Micro-batching that never waits: one thread works on whatever has arrived since it last looked."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence, Sized
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Sized)


class Busy(Exception):
    """Too much is waiting already."""


class Lane(Generic[Item]):
    """Runs ``work`` over batches of items in a thread of its own; the event loop is never blocked.

    While a batch is under way the next one gathers: alone, an item is worked on at once; under load the batches grow
    until the work keeps up. To be used from one event loop.

    Args:
        work: gets the items of a batch and leaves its results in them; returns an error per item, or None.
        name: the thread's name.
        max_batch: sizes (``len``) of a batch's items add up to at most this, unless one alone is larger.
        max_waiting: sizes waiting at once.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Exception | None]],
        *,
        name: str,
        max_batch: int,
        max_waiting: int,
    ) -> None:
        self._work = work
        self._max_batch = max_batch
        self._max_waiting = max_waiting
        self._waiting: deque[tuple[Item, asyncio.Future[None]]] = deque()
        self._size = 0
        self._busy = False
        self._inbox: SimpleQueue[list[tuple[Item, asyncio.Future[None]]] | None] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        # a daemon: a model that hangs must not keep the process from ending
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def submit(self, item: Item) -> asyncio.Future[None]:
        """A future that is done when ``item`` was worked on, or raises its error. Cancel it to give the item up.

        Raises:
            Busy: more than ``max_waiting`` would wait.
        """
        if self._size + len(item) > max(self._max_waiting, len(item)):
            raise Busy
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        future = self._loop.create_future()
        self._waiting.append((item, future))
        self._size += len(item)
        if not self._busy:
            self._busy = True
            # in the next turn: what else arrives in this one shares the batch
            self._loop.call_soon(self._next)
        return future

    def close(self) -> None:
        """Let the thread end once it is done with its present batch."""
        self._inbox.put(None)

    def _next(self) -> None:
        batch: list[tuple[Item, asyncio.Future[None]]] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0][0]) <= self._max_batch):
            item, future = self._waiting.popleft()
            self._size -= len(item)
            if not future.done():
                batch.append((item, future))
                size += len(item)
        self._busy = bool(batch)
        if batch:
            self._inbox.put(batch)

    def _run(self) -> None:
        while (batch := self._inbox.get()) is not None:
            try:
                errors = self._work([item for item, _ in batch])
            except Exception as error:
                errors = [error] * len(batch)
            assert self._loop is not None, "batches come from submit()"
            try:
                self._loop.call_soon_threadsafe(self._finish, batch, errors)
            except RuntimeError:  # the loop was closed meanwhile
                return

    def _finish(self, batch: list[tuple[Item, asyncio.Future[None]]], errors: Sequence[Exception | None]) -> None:
        for (_, future), error in zip(batch, errors, strict=True):
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
        self._next()
