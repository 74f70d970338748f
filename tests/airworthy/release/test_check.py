"""The stage check on real ONNX models: each way to break the contract is found and named."""

import itertools

import pytest
from onnx import TensorProto
from small_models import SPEC, spec_with, write

from airworthy.release.check import check_model


def failed(checks):
    return [(check.name, check.reason) for check in checks if not check.passed]


def test_a_model_that_keeps_the_contract_passes_every_check(tmp_path):
    checks = check_model(write(tmp_path), SPEC)
    assert failed(checks) == []
    assert [check.name for check in checks] == ["files", "loads", "inputs", "output", "answers", "latency"]


@pytest.mark.parametrize(
    ("broken", "name", "why"),
    [
        ({"numeric": 2}, "inputs", "found .*'numeric': ('tensor(float)', 2)"),
        ({"categorical_type": TensorProto.INT32}, "inputs", "tensor(int32)"),
        ({"output": "late"}, "output", "wanted 'probability', found ['late']"),
        ({"guard_nan": False}, "answers", "found nan"),
        ({"squash": False}, "answers", "wanted probabilities between 0 and 1"),
        ({"across_rows": True}, "answers", "with the rows beside it"),
    ],
)
def test_a_broken_contract_is_named(tmp_path, broken, name, why):
    [(found, reason)] = failed(check_model(write(tmp_path, **broken), SPEC))
    assert found == name
    for part in why.split(".*"):
        assert part in reason


def test_missing_files_and_rubbish_are_named(tmp_path):
    assert failed(check_model(tmp_path, SPEC)) == [("files", "missing: model.onnx, preprocessing.json")]
    write(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    [(name, reason)] = failed(check_model(tmp_path, SPEC))
    assert name == "loads" and "ONNX Runtime" in reason


def test_a_model_slower_than_the_policy_allows_is_refused(tmp_path):
    ticks = itertools.count(step=0.05)  # every answer takes 50 ms
    checks = check_model(write(tmp_path), spec_with(max_p95_ms=40), clock=lambda: next(ticks))
    [(name, reason)] = failed(checks)
    assert name == "latency" and reason == "p95 50.00 ms for one row, 40 ms allowed"
