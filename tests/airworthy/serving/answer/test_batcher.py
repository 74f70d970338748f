"""The batcher: batches grow only while work is under way, and one item's trouble stays its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from airworthy.serving.answer.batcher import MicroBatcher, QueueFull


class Recorder:
    """Work that notes its batches and can be held up."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, batch: Sequence[str]) -> list[str | Exception]:
        self.gate.wait(5)
        self.batches.append(list(batch))
        return [ValueError(item) if item.startswith("bad") else item.upper() for item in batch]


def batcher_of(work: Recorder, max_batch: int = 100, max_waiting: int = 1000) -> MicroBatcher[str, str]:
    return MicroBatcher(work, name="test", max_batch=max_batch, max_waiting=max_waiting)


async def test_what_arrives_in_one_turn_shares_a_batch_and_what_arrives_meanwhile_the_next() -> None:
    work = Recorder()
    batcher = batcher_of(work)
    work.gate.clear()
    first = [batcher.submit(item).done for item in ("a", "b")]
    await asyncio.sleep(0.02)
    second = [batcher.submit(item).done for item in ("c", "d", "e")]
    work.gate.set()
    await asyncio.gather(*first, *second)
    assert work.batches == [["a", "b"], ["c", "d", "e"]]


async def test_batches_stay_below_their_limit_unless_one_item_alone_is_larger() -> None:
    work = Recorder()
    batcher = batcher_of(work, max_batch=4)
    await asyncio.gather(*(batcher.submit(item).done for item in ("aa", "bb", "c", "dddddd", "e")))
    assert work.batches == [["aa", "bb"], ["c"], ["dddddd"], ["e"]]


async def test_an_items_error_is_its_own() -> None:
    batcher = batcher_of(Recorder())
    good, bad = batcher.submit("good"), batcher.submit("bad")
    assert await good.done == "GOOD" == good.result
    with pytest.raises(ValueError, match="bad"):
        await bad.done
    assert bad.result is None


async def test_work_that_fails_as_a_whole_fails_every_item_and_the_next_batch_is_worked_on() -> None:
    batches = iter([RuntimeError("all of it"), ["fine"]])

    def work(batch: Sequence[str]) -> Sequence[str]:
        if isinstance(result := next(batches), Exception):
            raise result
        return result

    batcher: MicroBatcher[str, str] = MicroBatcher(work, name="test", max_batch=9, max_waiting=9)
    with pytest.raises(RuntimeError, match="all of it"):
        await batcher.submit("first").done
    assert await batcher.submit("second").done == "fine"


async def test_a_result_is_there_before_a_stalled_event_loop_hears_of_it() -> None:
    job = batcher_of(Recorder()).submit("a")
    await asyncio.sleep(0)  # the batch is handed over
    deadline = time.monotonic() + 5
    while job.result is None and time.monotonic() < deadline:
        time.sleep(0.001)  # the event loop does nothing meanwhile
    assert (job.result, job.done.done()) == ("A", False)


async def test_a_given_up_item_is_not_worked_on() -> None:
    work = Recorder()
    batcher = batcher_of(work)
    work.gate.clear()
    first = batcher.submit("first").done
    await asyncio.sleep(0.02)
    given_up, kept = batcher.submit("given up").done, batcher.submit("kept").done
    given_up.cancel()
    work.gate.set()
    await asyncio.gather(first, kept)
    assert work.batches == [["first"], ["kept"]]


async def test_more_than_may_wait_is_refused_at_once_and_room_comes_back() -> None:
    work = Recorder()
    batcher = batcher_of(work, max_batch=2, max_waiting=4)
    work.gate.clear()
    first = batcher.submit("aa").done
    await asyncio.sleep(0.02)
    waiting = [batcher.submit("bb").done, batcher.submit("cc").done]
    with pytest.raises(QueueFull):
        batcher.submit("d")
    work.gate.set()
    await asyncio.gather(first, *waiting)
    await batcher.submit("d").done
