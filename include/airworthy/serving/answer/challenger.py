"""The challenger's own lane: whatever it does, and however long it takes, the champion's requests do not wait."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airworthy.model.session import Run, stop
from airworthy.serving.answer.lane import Busy, Lane
from airworthy.serving.answer.rows import split_like

if TYPE_CHECKING:
    from airworthy.model.session import Model
    from airworthy.serving.options import ServiceOptions

log = logging.getLogger(__name__)

LOG_EVERY_SECONDS = 10.0


@dataclass(slots=True)
class _Try:
    """Rows on their way through the challenger."""

    own: list[dict[str, Any]]
    online: NDArray[np.float32]
    answer: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.own)


class ChallengerLane:
    """Asks one challenger, within a time limit."""

    def __init__(self, model: Model, name: str, options: ServiceOptions) -> None:
        self.model = model
        self.lane: Lane[_Try] = Lane(
            self._work,
            name=f"{name} challenger v{model.version}",
            max_batch=options.max_batch_rows,
            max_waiting=options.max_waiting,
        )
        self._running: Run | None = None
        self._quiet_until = 0.0

    async def answer(self, own: list[dict[str, Any]], online: NDArray[np.float32], seconds: float) -> Any:
        """Probabilities [n], or None when it raised or took longer than ``seconds``."""
        attempt = _Try(own, online)
        try:
            async with asyncio.timeout(seconds):
                await self.lane.submit(attempt)
        except TimeoutError:
            # a stalled event loop sees the time run out although the answer is there
            if attempt.answer is None:
                stop(self._running, attempt)
                self._say(f"took longer than {seconds:.3g} s")
        except Busy:
            self._say("is behind: too many requests wait for it")
        except Exception as error:
            self._say(f"failed: {error}")
        return attempt.answer

    def _say(self, what: str) -> None:
        """To the log, but not for every request; the metrics count each."""
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + LOG_EVERY_SECONDS
            log.warning("challenger v%s %s", self.model.version, what)

    def _work(self, tries: Sequence[_Try]) -> Sequence[Exception | None]:
        self._running = Run(tries)
        own = [row for each in tries for row in each.own]
        answer = self.model.predict(own, np.concatenate([each.online for each in tries]), self._running.options)
        for each, part in zip(tries, split_like(answer, [len(t) for t in tries]), strict=True):
            each.answer = part
        return [None] * len(tries)
