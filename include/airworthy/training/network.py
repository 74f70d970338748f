"""The network: embeddings and an MLP, with imputation and scaling inside, so that they travel in the ONNX graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch  # noqa: TID253 - this module is imported in training processes only
from numpy.typing import NDArray
from torch import Tensor, nn  # noqa: TID253

if TYPE_CHECKING:
    from airworthy.model.kinds.base import Kind
    from airworthy.spec.training import Training

QUANTILES = 4
CLIP = 5.0


class Scaling(nn.Module):
    """Makes numbers fit for a network, and missing ones visible: [n, F] -> [n, F * (QUANTILES + 2)].

    Each number becomes its standardised value (clipped at ±5 standard deviations), a piecewise-linear encoding over
    the training rows' quantiles, and a flag "missing". A missing number is replaced by the training median. The
    encoding is from Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning" (2022).

    It stays in float32 outside of DeepSpeed's engine: bf16 has no digits left for a distance of 2,475 miles.
    """

    mean: Tensor
    std: Tensor
    median: Tensor
    low: Tensor
    width: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        for name in ("mean", "std", "median"):
            self.register_buffer(name, torch.zeros(features))
        for name in ("low", "width"):
            self.register_buffer(name, torch.ones(features, QUANTILES))
        self.outputs = features * (QUANTILES + 2)

    def fit(self, numeric: NDArray[np.float32]) -> Scaling:
        """Learn mean, deviation and quantiles of training rows [n, F]; a column that is all NaN counts as all 0."""
        for position in range(numeric.shape[1]):
            column = numeric[:, position].astype(np.float64)
            column = column[~np.isnan(column)]
            if column.size == 0:
                column = np.zeros(1)
            edges = np.quantile(column, np.linspace(0, 1, QUANTILES + 1))
            width = np.diff(edges)
            # one broken anemometer must not squeeze the rest
            low = np.quantile(column, 0.001, method="higher")
            high = np.quantile(column, 0.999, method="lower")
            kept = np.clip(column, low, high)
            values = {
                "mean": kept.mean(),
                "std": max(float(kept.std()), 1e-6),
                "median": np.median(column),
                "low": edges[:-1],
                # an empty bin (many equal values) becomes a step just above its edge
                "width": np.maximum(width, 1e-6 * max(1.0, float(np.abs(edges).max()))),
            }
            for name, value in values.items():
                getattr(self, name)[position] = torch.as_tensor(value, dtype=torch.float32)
        return self

    def forward(self, numeric: Tensor) -> Tensor:
        missing = torch.isnan(numeric)
        filled = torch.where(missing, self.median, numeric)
        standard = torch.clamp((filled - self.mean) / self.std, -CLIP, CLIP)
        steps = torch.clamp((filled.unsqueeze(-1) - self.low) / self.width, 0.0, 1.0)
        return torch.cat([standard, steps.flatten(1), missing.to(standard.dtype)], dim=1)


class Core(nn.Module):
    """What is trained: one embedding for each categorical feature, then an MLP; gives the last layer [n]."""

    def __init__(self, cardinalities: Sequence[int], inputs: int, options: Training) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(
            nn.Embedding(n, min(options.embedding_dim, (n + 1) // 2)) for n in cardinalities
        )
        for embedding in self.embeddings:
            nn.init.normal_(embedding.weight, std=0.1)  # type: ignore[arg-type]
        width = inputs + sum(e.embedding_dim for e in self.embeddings)  # type: ignore[misc]
        layers: list[nn.Module] = []
        for hidden in options.hidden:
            layers += [nn.Linear(width, hidden), nn.ReLU()]
            if options.dropout:  # on a CPU it costs a third of the step
                layers.append(nn.Dropout(options.dropout))
            width = hidden
        self.mlp = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, categorical: Tensor, scaled: Tensor) -> Tensor:
        embedded = [embedding(categorical[:, i]) for i, embedding in enumerate(self.embeddings)]
        return self.mlp(torch.cat([*embedded, scaled], dim=1)).squeeze(-1)


class Network(nn.Module):
    """Scaling, core and the kind's activation, as exported: int64 [n, C] and float32 [n, F] -> answers [n]."""

    def __init__(self, scaling: Scaling, core: Core, kind: Kind) -> None:
        super().__init__()
        self.scaling = scaling
        self.core = core
        self.kind = kind

    def forward(self, categorical: Tensor, numeric: Tensor) -> Tensor:
        return self.kind.activate(self.core(categorical, self.scaling(numeric)))
