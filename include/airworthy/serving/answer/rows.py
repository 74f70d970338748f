"""A request's rows on their way through features and models, and its predictions. None of these ever changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airworthy.traffic.variants import Variant

if TYPE_CHECKING:
    from airworthy.serving.follow.active import ActiveModels

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RequestRows:
    """The n rows of one request.

    Attributes:
        active: the models that answer, from the first to the last step of this request.
        own: features that the request carries itself.
        entities: keys of what to look up.
        at: prediction times, seconds since 1970.
        share: [n] rows in the challenger's share of traffic.
    """

    active: ActiveModels
    keys: list[str]
    variants: list[Variant]
    own: list[dict[str, Any]]
    entities: list[dict[str, str | None]]
    at: list[float]
    share: Mask

    def __len__(self) -> int:
        return len(self.keys)

    def masked(
        self, mask: Mask | None, online: NDArray[np.float32]
    ) -> tuple[list[dict[str, Any]], NDArray[np.float32]]:
        """Own and looked-up features of the rows that ``mask`` [n] selects, of ``online`` [n, V]; None selects all."""
        if mask is None:
            return self.own, online
        return [row for row, selected in zip(self.own, mask.tolist(), strict=True) if selected], online[mask]


@dataclass(frozen=True, slots=True)
class Prediction:
    """One instance's answer.

    Attributes:
        value: what the model answered, e.g. a rate between 0 and 1; see the pipeline's kind.
        variant: whose share the key is in.
        version: that answered: the champion's where ``fallback``.
        fallback: the challenger failed and the champion answered.
    """

    key: str
    value: float
    version: int
    variant: Variant
    fallback: bool


@dataclass(frozen=True, slots=True)
class Predictions:
    """A request's predictions, and what the prediction log wants to know about them.

    Attributes:
        online: view features [n, V] that they rest on, NaN where missing.
    """

    predictions: list[Prediction]
    rows: RequestRows
    online: NDArray[np.float32]

    @property
    def release_id(self) -> str | None:
        """The release on trial, if any."""
        return self.rows.active.release


def split_like(values: Any, sizes: Sequence[int]) -> list[Any]:
    """Cut [sum(sizes), ...] into parts of these sizes; views, not copies."""
    ends = list(accumulate(sizes))
    return [values[end - size : end] for end, size in zip(ends, sizes, strict=True)]
