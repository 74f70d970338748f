"""A model that answers one figure whatever it is asked: the baseline that serves before anything was approved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airworthy.model.bundle import CATEGORICAL, NUMERIC, OPSET, PROBABILITY

if TYPE_CHECKING:
    from onnx import ModelProto

    from airworthy.model.encoder import Encoder


def constant_model(encoder: Encoder, rate: float) -> ModelProto:
    """A model with the usual inputs and output that answers ``rate`` whatever it is asked."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [
            helper.make_node("Shape", [NUMERIC], ["shape"], start=0, end=1),
            helper.make_node(
                "ConstantOfShape", ["shape"], [PROBABILITY], value=numpy_helper.from_array(np.array([rate], np.float32))
            ),
        ],
        "always_average",
        [
            helper.make_tensor_value_info(CATEGORICAL, TensorProto.INT64, ["n", len(encoder.categorical)]),
            helper.make_tensor_value_info(NUMERIC, TensorProto.FLOAT, ["n", len(encoder.numeric)]),
        ],
        [helper.make_tensor_value_info(PROBABILITY, TensorProto.FLOAT, ["n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="airworthy")
    model.ir_version = 9  # what opset 17 needs; newer than some runtimes know otherwise
    onnx.checker.check_model(model)
    return model
