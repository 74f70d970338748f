"""A corpus of model folders, sound and broken ones, each broken in one way that the contract names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx import TensorProto
from small_models import ENCODER, SOUND, Defect
from small_models import write as write_model

from airworthy.model.encoder import Encoder


@dataclass(frozen=True)
class Broken:
    """A broken model, the condition of the contract that it breaks, and a part of the reason."""

    condition: str
    says: str
    defect: Defect = SOUND
    encoder: Encoder = ENCODER

    def write(self, folder: Path) -> Path:
        return write_model(folder, self.defect, encoder=self.encoder)


def preprocessing(**changes: Any) -> Defect:
    """The encoder's file with other values."""
    return Defect(preprocessing=json.dumps({**json.loads(ENCODER.to_json()), **changes}).encode())


def encoder(numeric: list[str] | None = None, **vocabularies: tuple[str, ...]) -> Encoder:
    """The encoder with other features."""
    return Encoder({**ENCODER.vocabularies, **vocabularies}, ENCODER.numeric if numeric is None else tuple(numeric))


BROKEN: dict[str, Broken] = {
    "no model": Broken("files", "missing: model.onnx", Defect(without=("model.onnx",))),
    "no encoder": Broken("files", "missing: preprocessing.json", Defect(without=("preprocessing.json",))),
    "encoder is no JSON": Broken("encoder", "damaged", Defect(preprocessing=b"{")),
    "encoder is empty": Broken("encoder", "damaged", Defect(preprocessing=b"")),
    "encoder is no text": Broken("encoder", "UnicodeDecodeError", Defect(preprocessing=b"\xff\xfe\x00")),
    "encoder is a list": Broken("encoder", "damaged", Defect(preprocessing=b"[]")),
    "encoder is nothing": Broken("encoder", "damaged", Defect(preprocessing=b"{}")),
    "encoder of another format": Broken("encoder", "format 2, expected 1", preprocessing(format=2)),
    "encoder lacks numbers": Broken("encoder", "numeric", preprocessing(numeric=None)),
    "encoder's vocabulary is a word": Broken(
        "encoder", "vocabulary", preprocessing(categorical=[{"name": "carrier", "vocabulary": "AA"}])
    ),
    "encoder's category is a number": Broken(
        "encoder", "vocabulary", preprocessing(categorical=[{"name": "carrier", "vocabulary": [1]}])
    ),
    "encoder names a feature twice": Broken("encoder", "twice: ['temp']", preprocessing(numeric=["temp", "temp"])),
    "unknown number": Broken("encoder", "numeric features ['fare']", encoder=encoder(numeric=["distance", "fare"])),
    "unknown category": Broken("encoder", "categorical features ['seat']", encoder=encoder(seat=("A",))),
    "a number as category": Broken(
        "encoder", "categorical features ['wind']", encoder=encoder(["distance", "temp"], wind=("1",))
    ),
    "a category as number": Broken(
        "encoder", "numeric features ['carrier']",
        encoder=Encoder({"origin": ("EWR",)}, ("distance", "temp", "wind", "carrier")),
    ),
    "no graph": Broken("loads", "ONNX Runtime", Defect(model=b"not a model")),
    "empty graph": Broken("loads", "ONNX Runtime", Defect(model=b"")),
    "codes of 32 bits": Broken("inputs", "tensor(int32)", Defect(categorical=TensorProto.INT32)),
    "numbers of 64 bits": Broken("inputs", "tensor(double)", Defect(numeric=TensorProto.DOUBLE)),
    "no categories": Broken("inputs", "'numeric'", Defect(categorical=None)),
    "no numbers": Broken("inputs", "'categorical'", Defect(numeric=None)),
    "one input more": Broken("inputs", "'another'", Defect(extra_input=True)),
    "too narrow": Broken("inputs", "('n', 2)", Defect(width=2)),
    "too wide": Broken("inputs", "('n', 4)", Defect(width=4)),
    "encoder of fewer numbers": Broken("inputs", "('n', 2)", preprocessing(numeric=["distance", "temp"])),
    "another output": Broken("output", "{'late': 'tensor(float)'}", Defect(output="late")),
    "one output more": Broken("output", "'logit'", Defect(extra_output=True)),
    "double output": Broken("output", "tensor(double)", Defect(output_type=TensorProto.DOUBLE)),
    "integer output": Broken("output", "tensor(int64)", Defect(output_type=TensorProto.INT64)),
    "answers in a column": Broken("answers", "shape (32, 1), expected (32,)", Defect(column_answers=True)),
    "no answer to missing numbers": Broken("answers", "1 of 32 sample rows got no probability, found nan",
                                           Defect(guard_nan=False)),
    "answers beyond their range": Broken("answers", "got no probability, found ", Defect(squash=False)),
    "categories the graph does not know": Broken("answers", "out of", Defect(table=3)),
    "hangs": Broken("answers", "no answer to 32 rows within", Defect(hangs=True)),
    "answers depend on other rows": Broken("alone", "with the rows beside it", Defect(across_rows=True)),
}  # fmt: skip

SOUND_MODELS: dict[str, Callable[[Path], Path]] = {
    "as it should be": write_model,
    "knows more categories than the encoder": lambda folder: write_model(folder, Defect(table=99)),
    "of an older spec": lambda folder: write_model(folder, encoder=encoder(["distance"])),
    "without vocabularies": lambda folder: write_model(folder, encoder=Encoder.from_json(
        json.dumps({"format": 1, "categorical": [{"name": "carrier", "vocabulary": []}], "numeric": ["wind"]})
    )),
}  # fmt: skip
