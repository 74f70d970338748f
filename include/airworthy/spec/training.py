"""The `training` section: the network, how it is fitted, and what its pod asks of a node."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from airworthy.spec.base import Name, Section

Quantity = Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?(m|Ki|Mi|Gi|Ti|k|M|G|T)?$")]


class Profile(Section):
    """What a training pod asks of its node."""

    gpus: int = Field(0, ge=0, le=64, description="asked for as nvidia.com/gpu")
    processes: int = Field(1, ge=1, le=64, description="DeepSpeed processes; with GPUs, one per GPU")
    cpu: Quantity = Field("1", description="cores, as Kubernetes writes them")
    memory: Quantity = Field("2Gi", description="asked for and limit")
    node_selector: dict[str, str] = Field({}, description="labels that the node must have")
    tolerations: list[dict[str, Any]] = Field(
        [], description="taints of the node to put up with, as Kubernetes has them"
    )


class Training(Section):
    """How a candidate is trained, and on what."""

    epochs: int = Field(3, ge=1, le=1000, description="passes over the training rows; the best one is kept")
    batch_size: int = Field(1024, ge=1, description="rows of one step, over all processes")
    learning_rate: float = Field(0.002, gt=0, lt=1, description="highest one of AdamW's schedule")
    hidden: list[Annotated[int, Field(ge=1)]] = Field([256, 128], min_length=1, description="widths of the layers")
    embedding_dim: int = Field(8, ge=1, description="width of each categorical feature's embedding")
    dropout: float = Field(0.1, ge=0, lt=1, description="share of a layer left out at each step")
    seed: int = Field(0, description="of the weights, the order of the rows and LightGBM")
    zero_stage: Literal[0, 1, 2] = Field(0, description="DeepSpeed's ZeRO stage")
    holdout_days: int = Field(31, ge=1, description="the newest days: scored, never trained on")
    min_rows: int = Field(1000, ge=10, description="fewer training rows than this are refused")
    timeout_minutes: int = Field(60, ge=1, description="a pod that takes longer is ended")
    image: str = Field("airworthy/trainer:latest", description="the pods' image; the local cluster ignores it")
    profile: Name = Field("laptop", description="which of the profiles is used")
    profiles: dict[Name, Profile] = Field({"laptop": Profile()}, description="what a pod may ask of its node, by name")

    @model_validator(mode="after")
    def _profile_exists(self) -> Self:
        if self.profile not in self.profiles:
            raise ValueError(f"profile {self.profile!r} is not among profiles {sorted(self.profiles)}")
        return self

    @property
    def resources(self) -> Profile:
        """The chosen profile."""
        return self.profiles[self.profile]
