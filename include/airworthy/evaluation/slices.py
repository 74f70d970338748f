"""The holdout cut by the values of columns: a model may be good overall and bad for some."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from airworthy.evaluation.document import Slice

if TYPE_CHECKING:
    from airworthy.evaluation.rivals import Rivals
    from airworthy.model.kinds.base import Kind

#: Values of a column beyond its largest are not listed: a category may have thousands.
MAX_SLICES = 12


def measure(kind: Kind, holdout: pa.Table, columns: list[str], rivals: Rivals) -> tuple[Slice, ...]:
    """How candidate, champion and average do where a column has one value, for the largest values of each column.

    Args:
        holdout: the n rows that the rivals answered.
        columns: of the holdout.
    """
    champion = None if rivals.champion is None else rivals.champion.answers
    return tuple(
        Slice(
            column=column,
            value=value,
            candidate=kind.measure(rivals.labels[rows], rivals.candidate[rows]),
            champion=None if champion is None else kind.measure(rivals.labels[rows], champion[rows]),
            average=kind.measure(rivals.labels[rows], rivals.average[rows]),
        )
        for column in columns
        for value, rows in _largest(holdout, column)
    )


def _largest(holdout: pa.Table, column: str) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    values = np.array([str(value) for value in holdout[column].to_pylist()])
    distinct, counts = np.unique(values, return_counts=True)
    for value in sorted(distinct[np.argsort(-counts, kind="stable")[:MAX_SLICES]]):
        yield str(value), values == value
