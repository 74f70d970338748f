"""A small pipeline and real ONNX models for it, sound ones and broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

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


def write(
    folder: Path,
    *,
    numeric: int = 3,
    categorical_type: int = TensorProto.INT64,
    output: str = "probability",
    guard_nan: bool = True,
    squash: bool = True,
    across_rows: bool = False,
) -> Path:
    """Write ``model.onnx`` (a logistic regression) and ``preprocessing.json``."""
    nodes = [
        helper.make_node("Where", ["isnan", "zero", "numeric"], ["filled"])
        if guard_nan
        else helper.make_node("Identity", ["numeric"], ["filled"]),
        helper.make_node("MatMul", ["filled", "weights"], ["linear"]),
        helper.make_node("Cast", ["categorical"], ["codes"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["codes", "last"], ["shift"], keepdims=0),
        helper.make_node("Squeeze", ["linear", "last"], ["flat"]),
        helper.make_node("Add", ["flat", "shift"], ["logit"]),
    ]
    if guard_nan:
        nodes.insert(0, helper.make_node("IsNaN", ["numeric"], ["isnan"]))
    last = "logit"
    if across_rows:
        nodes.append(helper.make_node("ReduceMean", [last], ["mean"], keepdims=1))
        nodes.append(helper.make_node("Sub", [last, "mean"], ["centred"]))
        last = "centred"
    nodes.append(helper.make_node("Sigmoid" if squash else "Identity", [last], [output]))
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info("categorical", categorical_type, ["n", 2]),
            helper.make_tensor_value_info("numeric", TensorProto.FLOAT, ["n", numeric]),
        ],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n"])],
        [
            numpy_helper.from_array(np.full((numeric, 1), 0.01, dtype=np.float32), "weights"),
            numpy_helper.from_array(np.array(0, dtype=np.float32), "zero"),
            numpy_helper.from_array(np.array([1], dtype=np.int64), "last"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    (folder / "preprocessing.json").write_text(json.dumps({}))
    return folder
