"""The lane: batches grow only while work is under way, and one item's trouble stays its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from airworthy.serving.answer.lane import Busy, Lane


class Recorder:
    """Work that notes its batches and can be held up."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, batch: Sequence[str]) -> list[Exception | None]:
        self.gate.wait(5)
        self.batches.append(list(batch))
        return [ValueError(item) if item.startswith("bad") else None for item in batch]


def lane_of(work: Recorder, max_batch: int = 100, max_waiting: int = 1000) -> Lane[str]:
    return Lane(work, name="test", max_batch=max_batch, max_waiting=max_waiting)


async def test_what_arrives_in_one_turn_shares_a_batch_and_what_arrives_meanwhile_the_next() -> None:
    work = Recorder()
    lane = lane_of(work)
    work.gate.clear()
    first = [lane.submit(item) for item in ("a", "b")]
    await asyncio.sleep(0.02)
    second = [lane.submit(item) for item in ("c", "d", "e")]
    work.gate.set()
    await asyncio.gather(*first, *second)
    assert work.batches == [["a", "b"], ["c", "d", "e"]]


async def test_batches_stay_below_their_limit_unless_one_item_alone_is_larger() -> None:
    work = Recorder()
    lane = lane_of(work, max_batch=4)
    await asyncio.gather(*(lane.submit(item) for item in ("aa", "bb", "c", "dddddd", "e")))
    assert work.batches == [["aa", "bb"], ["c"], ["dddddd"], ["e"]]


async def test_an_items_error_is_its_own() -> None:
    lane = lane_of(Recorder())
    good, bad = lane.submit("good"), lane.submit("bad")
    await good
    with pytest.raises(ValueError, match="bad"):
        await bad


async def test_a_given_up_item_is_not_worked_on() -> None:
    work = Recorder()
    lane = lane_of(work)
    work.gate.clear()
    first = lane.submit("first")
    await asyncio.sleep(0.02)
    given_up, kept = lane.submit("given up"), lane.submit("kept")
    given_up.cancel()
    work.gate.set()
    await asyncio.gather(first, kept)
    assert work.batches == [["first"], ["kept"]]


async def test_more_than_may_wait_is_refused_at_once_and_room_comes_back() -> None:
    work = Recorder()
    lane = lane_of(work, max_batch=2, max_waiting=4)
    work.gate.clear()
    first = lane.submit("aa")
    await asyncio.sleep(0.02)
    waiting = [lane.submit("bb"), lane.submit("cc")]
    with pytest.raises(Busy):
        lane.submit("d")
    work.gate.set()
    await asyncio.gather(first, *waiting)
    await lane.submit("d")
