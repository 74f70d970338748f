"""Slices: the largest values of a column, each measured on its own rows for everybody."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from airworthy.evaluation import slices
from airworthy.evaluation.rivals import Champion, Rivals
from airworthy.model import kinds

BINARY = kinds.named("binary")


def rivals(rows: int, champion: bool = True) -> Rivals:
    rng = np.random.default_rng(0)
    labels, answers = (rng.random(rows) < 0.3).astype(float), rng.random(rows)
    return Rivals(labels, answers, 0.3, answers, Champion(2, False, 1 - answers) if champion else None)


def test_each_value_is_measured_on_its_own_rows() -> None:
    scored, origin = rivals(400), ["EWR"] * 300 + ["JFK"] * 100
    ewr, jfk = slices.measure(BINARY, pa.table({"origin": origin}), ["origin"], scored)
    assert (ewr.column, ewr.value, ewr.candidate.rows, jfk.value, jfk.candidate.rows) == (
        *("origin", "EWR", 300),
        *("JFK", 100),
    )
    assert ewr.candidate == BINARY.measure(scored.labels[:300], scored.candidate[:300])
    assert scored.champion is not None
    assert jfk.champion == BINARY.measure(scored.labels[300:], scored.champion.answers[300:])
    assert jfk.average == BINARY.measure(scored.labels[300:], np.full(100, 0.3))


def test_without_a_champion_there_is_none_in_any_slice() -> None:
    (part,) = slices.measure(BINARY, pa.table({"a": ["x"] * 50}), ["a"], rivals(50, champion=False))
    assert part.champion is None


def test_of_many_values_the_largest_are_listed_and_a_missing_value_is_one_of_them() -> None:
    values = [str(i) for i in range(20) for _ in range(i + 1)]
    found = slices.measure(BINARY, pa.table({"a": [*values, *[None] * 50]}), ["a"], rivals(len(values) + 50))
    assert len(found) == slices.MAX_SLICES
    assert {part.value for part in found} == {"None", *(str(i) for i in range(9, 20))}
