"""The challenger's own worker: whatever it does, and however long it takes, the champion's requests do not wait."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airworthy.model.session import Call
from airworthy.serving.answer.batcher import MicroBatcher, QueueFull
from airworthy.serving.answer.rows import split_like

if TYPE_CHECKING:
    from airworthy.serving.follow.active import LoadedVersion
    from airworthy.serving.options import ServiceOptions

log = logging.getLogger(__name__)

LOG_EVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request's rows in the challenger's share.

    Attributes:
        online: view features [n, V].
    """

    own: list[dict[str, Any]]
    online: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.own)


class ChallengerWorker:
    """Asks one challenger, within a time limit.

    Args:
        challenger: the version on trial.
        name: of the pipeline.
    """

    def __init__(self, challenger: LoadedVersion, name: str, options: ServiceOptions) -> None:
        self.challenger = challenger
        self._batcher: MicroBatcher[Attempt, NDArray[np.float64]] = MicroBatcher(
            self._work,
            name=f"{name} challenger v{challenger.version}",
            max_batch=options.max_batch_rows,
            max_waiting=options.max_waiting,
        )
        self._call: Call | None = None
        self._quiet_until = 0.0

    async def answers(self, attempt: Attempt, seconds: float) -> NDArray[np.float64] | None:
        """Answers [n], NaN where it gave none; None when it raised or took longer than ``seconds``."""
        try:
            job = self._batcher.submit(attempt)
        except QueueFull:
            self._complain("is behind: too many requests wait for it")
            return None
        try:
            async with asyncio.timeout(seconds):
                return await job.done
        except TimeoutError:
            # a stalled event loop sees the time run out although the answer is there
            if job.result is None:
                if self._call is not None:
                    self._call.end_for(attempt)
                self._complain(f"took longer than {seconds:.3g} s")
            return job.result
        except Exception as error:
            self._complain(f"failed: {error}")
            return None

    def close(self) -> None:
        """Let the thread end."""
        self._batcher.close()

    def _complain(self, what: str) -> None:
        """To the log, but not for every request; the metrics count each."""
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + LOG_EVERY_SECONDS
            log.warning("challenger v%s %s", self.challenger.version, what)

    def _work(self, attempts: Sequence[Attempt]) -> Sequence[NDArray[np.float64] | Exception]:
        self._call = Call(attempts)
        own = [row for each in attempts for row in each.own]
        answers = self.challenger.answers(own, np.concatenate([each.online for each in attempts]), self._call)
        return split_like(answers, [len(each) for each in attempts])
