"""From columns to the model's two input arrays: vocabularies of categories, order of numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from airworthy.errors import AirworthyError
from airworthy.model.bundle import PREPROCESSING_FILE

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec

FORMAT = 1


class EncodingError(AirworthyError):
    """A column is missing, or a preprocessing.json is not one."""


class _Vocabulary(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str
    vocabulary: tuple[str, ...]


class _Header(BaseModel):
    """What every format says: which one it is."""

    model_config = ConfigDict(strict=True)

    format: int


class _Document(_Header):
    """The content of ``preprocessing.json``."""

    categorical: tuple[_Vocabulary, ...]
    numeric: tuple[str, ...]


@dataclass(frozen=True)
class Encoder:
    """How a model wants its inputs; travels with it as ``preprocessing.json``.

    Attributes:
        vocabularies: for each categorical feature, in input order, its known categories; the first has code 1.
            Code 0 is "missing or never seen in training".
        numeric: names of the numeric features in input order. Missing is NaN: the network imputes by itself.
    """

    vocabularies: dict[str, tuple[str, ...]]
    numeric: tuple[str, ...]

    @classmethod
    def fit(cls, spec: PipelineSpec, columns: Mapping[str, Sequence[Any]], *, min_count: int = 20) -> Encoder:
        """Learn the vocabularies of training rows.

        Args:
            spec: names and order of the features.
            columns: the categorical columns; one that is absent gets an empty vocabulary.
            min_count: rarer categories are left out, so that code 0 is trained too and means "rare or new".
        """
        from collections import Counter

        vocabularies: dict[str, tuple[str, ...]] = {}
        for name in spec.features.categorical:
            counts = Counter(columns.get(name, ()))
            vocabularies[name] = tuple(
                sorted(value for value, count in counts.items() if value is not None and count >= min_count)
            )
        return cls(vocabularies, tuple(spec.features.numeric))

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical features in input order."""
        return tuple(self.vocabularies)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Number of codes of each categorical feature, code 0 included."""
        return tuple(len(values) + 1 for values in self.vocabularies.values())

    @cached_property
    def _codes(self) -> list[tuple[str, dict[str, int]]]:
        return [(name, {v: i for i, v in enumerate(values, 1)}) for name, values in self.vocabularies.items()]

    def encode(self, columns: Mapping[str, Sequence[Any]]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The model's inputs for n rows.

        Args:
            columns: by feature name, each of length n: strings or None, numbers or None or NaN; more columns than
                needed do no harm.

        Returns:
            ``categorical`` int64 [n, C] and ``numeric`` float32 [n, F]; infinities become NaN.

        Raises:
            EncodingError: a feature has no column.
        """
        if missing := [name for name in (*self.vocabularies, *self.numeric) if name not in columns]:
            raise EncodingError(
                f"no column for the features {missing}; there are {sorted(columns)}",
                next_step="build the features with the pipeline.yaml that this model was trained with",
            )
        rows = len(columns[next(iter((*self.vocabularies, *self.numeric)))])
        categorical = np.zeros((rows, len(self.vocabularies)), np.int64)
        for position, (name, codes) in enumerate(self._codes):
            get = codes.get
            categorical[:, position] = [get(value, 0) for value in columns[name]]
        numeric = np.empty((rows, len(self.numeric)), np.float32)
        for position, name in enumerate(self.numeric):
            # through float64: numpy turns None into NaN there, and arrays pass without a copy
            with np.errstate(over="ignore"):
                numeric[:, position] = np.asarray(columns[name], dtype=np.float64)
        numeric[~np.isfinite(numeric)] = np.nan
        return categorical, numeric

    def to_json(self) -> str:
        """The content of ``preprocessing.json``."""
        return json.dumps(
            {
                "format": FORMAT,
                "categorical": [{"name": n, "vocabulary": list(v)} for n, v in self.vocabularies.items()],
                "numeric": list(self.numeric),
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> Encoder:
        """Read ``preprocessing.json``.

        Raises:
            EncodingError: it is damaged, or of another format.
        """
        try:
            if (found := _Header.model_validate_json(text).format) != FORMAT:
                raise EncodingError(
                    f"{PREPROCESSING_FILE} has format {found}, expected {FORMAT}",
                    next_step="load this model with the version of airworthy that made it",
                )
            document = _Document.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise EncodingError(
                f"{PREPROCESSING_FILE} is damaged: {where}: {first['msg']}",
                next_step="train the version again, or fetch its files anew",
            ) from error
        vocabularies = {entry.name: entry.vocabulary for entry in document.categorical}
        names = [*(entry.name for entry in document.categorical), *document.numeric]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise EncodingError(f"{PREPROCESSING_FILE} names features twice: {twice}")
        return cls(vocabularies, document.numeric)

    @classmethod
    def load(cls, path: Path) -> Encoder:
        """Read ``preprocessing.json`` from a file, or from the folder it lies in.

        Raises:
            EncodingError: it is damaged, or of another format.
            OSError: it cannot be read.
        """
        file = path / PREPROCESSING_FILE if path.is_dir() else path
        return cls.from_json(file.read_text(encoding="utf-8"))
