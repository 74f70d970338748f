"""Each way to break a model's contract is found and named, whoever asks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from defects import BROKEN, SOUND_MODELS
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import ENCODER, SOUND, SPEC, Defect, write

from airworthy.model.contract import ContractReport, check, sample
from airworthy.model.encoder import Encoder

NAMES = ["files", "encoder", "loads", "inputs", "output", "answers", "alone"]


def failed(report: ContractReport) -> list[tuple[str, str]]:
    return [(each.name, each.reason) for each in report.conditions if not each.passed]


@pytest.mark.parametrize("name", SOUND_MODELS)
def test_a_sound_model_keeps_every_condition_and_is_ready_to_answer(tmp_path: Path, name: str) -> None:
    report = check(SOUND_MODELS[name](tmp_path), SPEC)
    assert failed(report) == []
    assert report.problem == ""
    assert [each.name for each in report.conditions] == NAMES
    assert report.model is not None
    answers = report.model.answers(sample(SPEC, report.model.encoder))
    assert np.isfinite(answers).all()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_is_refused_by_the_condition_it_breaks(tmp_path: Path, name: str) -> None:
    broken = BROKEN[name]
    report = check(broken.write(tmp_path), SPEC, seconds=0.5)
    [(condition, reason)] = failed(report)
    assert condition == broken.condition, reason
    assert broken.says in reason
    assert report.model is None
    assert report.problem == f"{condition}: {reason}"
    assert [each.name for each in report.conditions] == NAMES[: NAMES.index(condition) + 1]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(0, 255), st.booleans())
def test_whatever_a_damaged_preprocessing_is_it_is_an_outcome_and_no_crash(at: int, byte: int, cut: bool) -> None:
    import tempfile

    text = bytearray(ENCODER.to_json().encode())
    at %= len(text)
    text[at:] = b"" if cut else bytes([byte]) + text[at + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        report = check(write(Path(folder), Defect(preprocessing=bytes(text))), SPEC)
    assert (report.model is None) == bool(report.problem)
    if cut:
        assert failed(report)[0][0] == "encoder"


def test_the_same_files_give_the_same_outcome(tmp_path: Path) -> None:
    folder = write(tmp_path, replace(SOUND, squash=False))
    assert check(folder, SPEC).conditions == check(folder, SPEC).conditions


def test_the_sample_asks_for_every_categorys_last_code_and_for_unknown_ones() -> None:
    many = Encoder({"carrier": tuple(map(str, range(5000))), "origin": ("EWR",)}, ENCODER.numeric)
    categorical, numeric = many.encode(sample(SPEC, many))
    assert categorical.max(axis=0).tolist() == [5000, 1]
    assert categorical.min(axis=0).tolist() == [0, 0]
    assert np.isnan(numeric[0]).all()
    assert np.isfinite(numeric[1:]).all()


def test_a_model_of_fewer_features_than_the_spec_has_now_keeps_the_contract(tmp_path: Path) -> None:
    older = json.loads(ENCODER.to_json())
    older["numeric"].remove("wind")
    encoder = type(ENCODER).from_json(json.dumps(older))
    assert check(write(tmp_path, encoder=encoder), SPEC).problem == ""
