"""A request's rows on their way through features and models, and its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airworthy.serving.follow.follower import Serving
from airworthy.traffic.variants import Variant


@dataclass(slots=True)
class Rows:
    """The n rows of one request on their way through the lanes.

    Attributes:
        at: prediction times, seconds since 1970.
        todo: [n] rows the next champion pass answers.
        online: view features [n, V], once they were read.
        probability: [n], NaN where there is no answer (yet).
    """

    serving: Serving
    keys: list[str]
    variants: list[Variant]
    own: list[dict[str, Any]]
    entities: list[dict[str, str | None]]
    at: list[float]
    todo: NDArray[np.bool_]
    probability: NDArray[np.float64]
    online: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def need(self) -> tuple[list[dict[str, Any]], NDArray[np.float32]]:
        """Own and looked-up features of the rows to do."""
        assert self.online is not None, "features are read before a model is asked"
        if self.todo.all():
            return self.own, self.online
        return [row for row, wanted in zip(self.own, self.todo, strict=True) if wanted], self.online[self.todo]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One instance's answer.

    Attributes:
        variant: whose share the key is in.
        version: that answered: the champion's where ``fallback``.
        fallback: the challenger failed and the champion answered.
    """

    key: str
    probability: float
    version: int
    variant: Variant
    fallback: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """A request's answers, and what the prediction log wants to know about them."""

    predictions: list[Prediction]
    release_id: str | None
    serving: Serving
    rows: Rows


def split_like(values: Any, sizes: Sequence[int]) -> list[Any]:
    """Cut [sum(sizes), ...] into parts of these sizes; views, not copies."""
    ends = list(accumulate(sizes))
    return [values[end - size : end] for end, size in zip(ends, sizes, strict=True)]
