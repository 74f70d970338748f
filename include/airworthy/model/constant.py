"""A model that answers one figure whatever it is asked: the baseline that serves before anything was approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airworthy.model.bundle import CATEGORICAL, NUMERIC, OPSET

if TYPE_CHECKING:
    from onnx import ModelProto

    from airworthy.model.encoder import Encoder
    from airworthy.model.kinds.base import Kind


def constant_model(encoder: Encoder, answer: float, kind: Kind) -> ModelProto:
    """A model with the usual inputs and the kind's output that answers ``answer`` whatever it is asked.

    Raises:
        ValueError: ``answer`` is none that this kind can give.
    """
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    value = np.array([answer], np.float32)
    if not kind.sound(value).all():
        raise ValueError(f"a {kind.name} model cannot answer {answer} as {kind.output}")
    graph = helper.make_graph(
        [
            helper.make_node("Shape", [NUMERIC], ["shape"], start=0, end=1),
            helper.make_node("ConstantOfShape", ["shape"], [kind.output], value=numpy_helper.from_array(value)),
        ],
        "always_average",
        [
            helper.make_tensor_value_info(CATEGORICAL, TensorProto.INT64, ["n", len(encoder.categorical)]),
            helper.make_tensor_value_info(NUMERIC, TensorProto.FLOAT, ["n", len(encoder.numeric)]),
        ],
        [helper.make_tensor_value_info(kind.output, TensorProto.FLOAT, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="airworthy")
    model.ir_version = 9  # what opset 17 needs; newer than some runtimes know otherwise
    onnx.checker.check_model(model)
    return model
