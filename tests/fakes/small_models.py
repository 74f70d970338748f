"""A small pipeline and real ONNX models for it, sound ones and broken ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from airworthy.model.bundle import MODEL_FILE, PREPROCESSING_FILE
from airworthy.model.encoder import Encoder
from airworthy.spec.pipeline import PipelineSpec
from airworthy.spec.release import Release

SPEC = PipelineSpec.model_validate(
    {
        "name": "flights",
        "sources": {"flights": {"path": "*.csv", "key": ["id"], "columns": {"id": {"type": "string"}}}},
        "key": "flight_id",
        "event_time": "event_time",
        "prediction_time": "prediction_time",
        "known_at": "known_at",
        "label": {"name": "late"},
        "features": {
            "request": {"categorical": ["carrier", "origin"], "numeric": ["distance"]},
            "views": {"weather": {"entity": "origin", "features": ["temp", "wind"]}},
        },
        "release": {"approvers": ["ann", "bob"], "max_p95_ms": 250},
    }
)


def spec_with(**policy: object) -> PipelineSpec:
    """The small pipeline with another release policy."""
    release = Release.model_validate({**SPEC.release.model_dump(), **policy})
    return SPEC.model_copy(update={"release": release})


ENCODER = Encoder({"carrier": ("AA", "UA"), "origin": ("EWR", "JFK", "LGA")}, tuple(SPEC.features.numeric))


@dataclass(frozen=True)
class Defect:
    """How a model differs from a sound one: a logistic regression over the encoder's features.

    Attributes:
        categorical, numeric: declared types; None leaves the input out.
        width: declared number of numeric columns; None is the encoder's.
        output: name of the output.
        output_type: of the output; the graph casts to it.
        column_answers: answer [n, 1] instead of [n].
        extra_input, extra_output: one more tensor.
        table: codes that the graph knows of every category.
        guard_nan, squash: without, a missing number gives NaN, and answers are any number.
        across_rows: a row's answer depends on the others'.
        hangs: the first answer takes hours.
        preprocessing: content of preprocessing.json; None is the encoder's.
        without: files left out.
        model: content of model.onnx.
    """

    categorical: int | None = TensorProto.INT64
    numeric: int | None = TensorProto.FLOAT
    width: int | None = None
    output: str = "probability"
    output_type: int = TensorProto.FLOAT
    column_answers: bool = False
    extra_input: bool = False
    extra_output: bool = False
    table: int = 4
    guard_nan: bool = True
    squash: bool = True
    across_rows: bool = False
    hangs: bool = False
    preprocessing: bytes | None = None
    without: tuple[str, ...] = ()
    model: bytes | None = None


SOUND = Defect()


def write(folder: Path, defect: Defect = SOUND, *, encoder: Encoder = ENCODER) -> Path:
    """Write ``model.onnx`` and ``preprocessing.json``, sound but for the defect."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        MODEL_FILE: graph(defect, encoder) if defect.model is None else defect.model,
        PREPROCESSING_FILE: encoder.to_json().encode() if defect.preprocessing is None else defect.preprocessing,
    }
    for name, content in files.items():
        if name not in defect.without:
            (folder / name).write_bytes(content)
    return folder


def graph(defect: Defect, encoder: Encoder) -> bytes:
    """The ONNX file."""
    width = len(encoder.numeric) if defect.width is None else defect.width
    inputs = {
        "categorical": (defect.categorical, len(encoder.categorical)),
        "numeric": (defect.numeric, width),
        **({"another": (TensorProto.FLOAT, 1)} if defect.extra_input else {}),
    }
    weights = {
        "weights": np.full((width, 1), 0.01, np.float32),
        "zero": np.array(0, np.float32),
        "last": np.array([1], np.int64),
        "table": np.linspace(-0.1, 0.1, defect.table).astype(np.float32),
    }
    nodes: list[onnx.NodeProto] = []
    if defect.numeric is None:
        nodes.append(helper.make_node("Cast", ["categorical"], ["codes"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("ReduceSum", ["codes", "last"], ["flat"], keepdims=0))
    else:
        nodes.append(helper.make_node("Cast", ["numeric"], ["numbers"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("IsNaN", ["numbers"], ["isnan"]))
        filled = ["isnan", "zero", "numbers"] if defect.guard_nan else ["isnan", "numbers", "numbers"]
        nodes.append(helper.make_node("Where", filled, ["filled"]))
        nodes.append(helper.make_node("MatMul", ["filled", "weights"], ["linear"]))
        nodes.append(helper.make_node("Squeeze", ["linear", "last"], ["flat"]))
    answer = "flat"

    def then(op: str, *others: str, **attributes: Any) -> None:
        nonlocal answer
        nodes.append(helper.make_node(op, [answer, *others], [f"{answer}_{op.lower()}"], **attributes))
        answer = f"{answer}_{op.lower()}"

    if defect.categorical is not None:
        nodes.append(helper.make_node("Gather", ["table", "categorical"], ["embedded"]))
        nodes.append(helper.make_node("ReduceSum", ["embedded", "last"], ["shift"], keepdims=0))
        then("Add", "shift")
    if defect.across_rows:
        nodes.append(helper.make_node("ReduceMean", [answer], ["mean"], keepdims=1))
        then("Sub", "mean")
    if defect.hangs:
        weights |= {"billion": np.array(10**9, np.int64), "true": np.array(True)}
        nodes.append(still_zero("billion"))
        then("Add", "still_zero")
    then("Sigmoid" if defect.squash else "Identity")
    if defect.column_answers:
        then("Unsqueeze", "last")
    nodes.append(helper.make_node("Cast", [answer], [defect.output], to=defect.output_type))
    shape = ["n", 1] if defect.column_answers else ["n"]
    outputs = [helper.make_tensor_value_info(defect.output, defect.output_type, shape)]
    if defect.extra_output:
        nodes.append(helper.make_node("Identity", [answer], ["logit"]))
        outputs.append(helper.make_tensor_value_info("logit", TensorProto.FLOAT, shape))
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, kind, ["n", wide]) for name, (kind, wide) in inputs.items() if kind],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def still_zero(rounds: str) -> onnx.NodeProto:
    """A loop that adds ``zero`` to itself so many rounds; the graph has ``zero`` and ``true``. A billion take hours."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["before", "before"], ["after"]),
        ],
        "round",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, []),
        ],
    )
    return helper.make_node("Loop", [rounds, "true", "zero"], ["still_zero"], body=body)
