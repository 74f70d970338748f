"""The files and tensors of a model, named once: training writes them, serving reads them."""

from __future__ import annotations

MODEL_FILE = "model.onnx"
PREPROCESSING_FILE = "preprocessing.json"

#: Newest operator set that every runtime we meet knows.
OPSET = 17

#: Inputs: int64 [n, C] codes and float32 [n, F] with NaN for missing; output: float32 [n].
CATEGORICAL, NUMERIC, PROBABILITY = "categorical", "numeric", "probability"
