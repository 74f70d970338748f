"""Sessions and models: the same answers in any batch, NaN for what no model of the kind can say, and calls that end."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from small_models import ENCODER, SPEC, Defect, graph, write

from airworthy.model.contract import sample
from airworthy.model.kinds.binary import Binary
from airworthy.model.session import Call, Model, ModelBroken, Session

COLUMNS = sample(SPEC, ENCODER, 50)


@pytest.mark.parametrize("batch_rows", [1, 7, 50, 1000])
def test_the_batch_size_changes_no_answer(tmp_path: Path, batch_rows: int) -> None:
    model = Model.load(write(tmp_path), Binary())
    np.testing.assert_allclose(model.answers(COLUMNS, batch_rows=batch_rows), model.answers(COLUMNS), atol=1e-6)


def test_answers_that_the_kind_cannot_give_are_nan(tmp_path: Path) -> None:
    answers = Model.load(write(tmp_path, Defect(squash=False)), Binary()).answers(COLUMNS)
    assert np.isnan(answers[2:4]).all()  # of a million, up and down
    assert np.nanmin(answers) >= 0 and np.nanmax(answers) <= 1


def test_a_session_says_what_its_graph_declares() -> None:
    session = Session(graph(Defect(), ENCODER), "probability")
    assert {name: (each.type, each.shape) for name, each in session.inputs.items()} == {
        "categorical": ("tensor(int64)", ("n", 2)),
        "numeric": ("tensor(float)", ("n", 3)),
    }
    assert session.outputs["probability"].type == "tensor(float)"


def test_what_onnx_runtime_does_not_take_is_broken() -> None:
    with pytest.raises(ModelBroken, match="ONNX Runtime does not take it"):
        Session(b"not a model", "probability")


def test_a_call_that_hangs_ends_for_those_who_wait_and_for_nobody_else() -> None:
    session = Session(graph(Defect(hangs=True), ENCODER), "probability")
    mine, other = object(), object()
    call, failed = Call([mine]), threading.Event()

    def ask() -> None:
        with pytest.raises(Exception, match="terminate"):
            session.run(np.zeros((1, 2), np.int64), np.zeros((1, 3), np.float32), call)
        failed.set()

    thread = threading.Thread(target=ask)
    thread.start()
    call.end_for(other)
    assert not failed.wait(0.2)
    call.end_for(mine)
    assert failed.wait(10)
    thread.join()
