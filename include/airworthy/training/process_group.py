"""The processes that train one model together: which of them this is, and how they find one another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import deepspeed  # noqa: TID253 - this module is imported in training processes only
import torch  # noqa: TID253

if TYPE_CHECKING:
    from airworthy.spec.training import Profile


@dataclass(frozen=True)
class Rank:
    """One process of a group.

    Attributes:
        index: 0 to ``world_size`` - 1; the first writes what the group has made.
        device: e.g. ``cpu`` or ``cuda:0``.
    """

    index: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Does this process write for all?"""
        return self.index == 0

    @property
    def precision(self) -> torch.dtype:
        """bf16 on an accelerator; on a CPU it would save nothing that matters."""
        return torch.float32 if self.device.type == "cpu" else torch.bfloat16


@contextmanager
def join(profile: Profile, rendezvous: Path) -> Iterator[Rank]:
    """Meet the other processes, and part from them when the work is done.

    Which rank this is, DeepSpeed's launcher says (``RANK``, ``LOCAL_RANK``, ``WORLD_SIZE``).

    Args:
        profile: with GPUs, each process has one; else all are on the CPU.
        rendezvous: a file that does not exist yet, the same for all ranks; removed when they part.
    """
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if profile.gpus else torch.device("cpu")
    if profile.gpus:
        torch.cuda.set_device(device)
    rank = Rank(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")), device)
    # compiled at run time: a minute, a compiler in the image, and a gain only between processes on CPUs
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(
        dist_backend="nccl" if profile.gpus else "gloo",
        auto_mpi_discovery=False,
        verbose=False,
        init_method=f"file://{rendezvous}",
        rank=rank.index,
        world_size=rank.world_size,
    )
    yield rank
    # not after an error: it could wait for a rank that is stuck, and the process ends anyway
    torch.distributed.destroy_process_group()
    if rank.is_first:
        rendezvous.unlink(missing_ok=True)
