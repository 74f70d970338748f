"""The champion's worker: reads what is missing, answers the rows it is asked, and changes nothing it was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from serving_parts import FAST, SPEC, FakeFeatures, write_model

from airworthy.model import contract
from airworthy.serving.answer.champion import ChampionWorker, OnlineStoreAway, Pass
from airworthy.serving.answer.rows import RequestRows
from airworthy.serving.follow.active import ActiveModels, LoadedVersion
from airworthy.serving.metrics import ServiceMetrics

VIEWS = sum(len(view.features) for view in SPEC.features.views.values())


class CountingFeatures(FakeFeatures):
    """Notes how many rows each read was for."""

    def __init__(self) -> None:
        self.reads: list[int] = []

    def read(self, entity_keys, at=None):
        self.reads.append(len(entity_keys))
        return super().read(entity_keys, at)


def loaded(folder: Path, kind: str = "constant", rate: float = 0.25, version: int = 1) -> LoadedVersion:
    model = contract.check(write_model(folder, kind, rate), SPEC).model
    assert model is not None
    return LoadedVersion.of(model, SPEC, version=version, data_version="10")


def rows(champion: LoadedVersion, *tails: str) -> RequestRows:
    """One row per tail number, one of which may be BROKEN."""
    request = SPEC.features.request
    own = dict.fromkeys((*request.categorical, *request.numeric)) | {"distance": 1400.0}
    return RequestRows(
        ActiveModels(champion, known=True),
        [f"key-{i}" for i in range(len(tails))],
        ["champion"] * len(tails),
        [own] * len(tails),
        [{"tailnum": tail} for tail in tails],
        [0.0] * len(tails),
        np.zeros(len(tails), bool),
    )


def worker(features: FakeFeatures) -> ChampionWorker:
    return ChampionWorker(SPEC, features, ServiceMetrics(), FAST)


async def test_only_the_rows_that_were_asked_are_answered_and_every_rows_features_are_read(tmp_path: Path) -> None:
    request = Pass(rows(loaded(tmp_path / "1"), "a", "b", "c"), np.array([True, False, True]))
    result = await worker(FakeFeatures()).submit(request).done
    np.testing.assert_array_equal(result.answers, [0.25, np.nan, 0.25])
    assert result.online.shape == (3, VIEWS)
    assert request.asked.tolist() == [True, False, True]
    assert request.online is None


async def test_a_second_pass_reads_nothing_again(tmp_path: Path) -> None:
    features, request = CountingFeatures(), rows(loaded(tmp_path / "1"), "a", "b")
    made = worker(features)
    first = await made.submit(Pass(request, np.array([True, False]))).done
    second = await made.submit(Pass(request, np.array([False, True]), first.online)).done
    assert features.reads == [2]
    assert second.online is first.online
    np.testing.assert_array_equal(second.answers, [np.nan, 0.25])


async def test_passes_that_arrive_together_share_one_read_and_each_meets_its_own_champion(tmp_path: Path) -> None:
    features = CountingFeatures()
    made, both = worker(features), None
    one = made.submit(Pass(rows(loaded(tmp_path / "1", rate=0.25), "a", "b"), both))
    two = made.submit(Pass(rows(loaded(tmp_path / "2", rate=0.75, version=2), "c", "d"), both))
    assert (await one.done).answers.tolist() == [0.25, 0.25]
    assert (await two.done).answers.tolist() == [0.75, 0.75]
    assert features.reads == [4]


async def test_a_champion_that_raises_gives_no_answers_but_the_features(tmp_path: Path) -> None:
    result = (
        await worker(FakeFeatures()).submit(Pass(rows(loaded(tmp_path / "1", "raise"), "a"), np.array([True]))).done
    )
    assert np.isnan(result.answers).all()
    assert result.online.shape == (1, VIEWS)


async def test_features_that_cannot_be_read_are_an_error_of_those_who_need_them_only(tmp_path: Path) -> None:
    champion, one = loaded(tmp_path / "1"), np.array([True])
    made = worker(FakeFeatures())
    unread = made.submit(Pass(rows(champion, "BROKEN"), one))
    read = made.submit(Pass(rows(champion, "BROKEN"), one, np.ones((1, VIEWS), np.float32)))
    with pytest.raises(OnlineStoreAway, match="says the test"):
        await unread.done
    assert (await read.done).answers.tolist() == [0.25]
