"""The files and tensors of a model, named once: training writes them, serving reads them."""

from __future__ import annotations

MODEL_FILE = "model.onnx"
PREPROCESSING_FILE = "preprocessing.json"
FILES = (MODEL_FILE, PREPROCESSING_FILE)

#: Newest operator set that every runtime we meet knows.
OPSET = 17

#: Inputs: int64 [n, C] codes and float32 [n, F] with NaN for missing.
CATEGORICAL, NUMERIC = "categorical", "numeric"
INPUT_TYPES = {CATEGORICAL: "tensor(int64)", NUMERIC: "tensor(float)"}
#: The one output: float32 [n], named by the kind of the task (`airworthy.model.kinds.base.Kind.output`).
OUTPUT_TYPE = "tensor(float)"
