"""The pod's command line and environment; what it starts is tested in test_end_to_end.py."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy.spec.training import Profile
from airworthy.training import launcher


def test_one_process_for_each_cpu_process_or_gpu() -> None:
    assert launcher.devices(Profile(processes=2), None) == [0, 1]
    assert launcher.devices(Profile(gpus=2, processes=1), None) == [0, 1]


def test_the_gpus_that_the_node_gave_this_pod_are_used_and_no_others() -> None:
    assert launcher.devices(Profile(gpus=2), "3,5") == [3, 5]
    assert launcher.devices(Profile(gpus=1), "GPU-8f2a") == [0]
    assert launcher.devices(Profile(processes=2), "3,5") == [0, 1]


def test_threads_follow_the_cpu_request_and_only_cpu_pods_hide_the_accelerator() -> None:
    laptop = launcher.environment(Profile(cpu="4", processes=2), {"PATH": "/bin"})
    assert laptop["OMP_NUM_THREADS"] == "2"
    assert laptop["DS_ACCELERATOR"] == "cpu"
    assert laptop["PATH"] == "/bin"
    assert launcher.environment(Profile(cpu="500m"), {})["OMP_NUM_THREADS"] == "1"
    assert "DS_ACCELERATOR" not in launcher.environment(Profile(gpus=1), {})


def test_two_starts_meet_at_different_places(small_spec: Callable[..., PipelineSpec], tmp_path: Path) -> None:
    spec, settings = small_spec(), Settings(home=tmp_path)
    first, second = (launcher.launcher(spec, settings, "run 1", 7, {}) for _ in range(2))
    assert first[:-1] == second[:-1]
    assert first[-1] != second[-1]
    assert first[first.index("--features-version") + 1] == "7"
    (world,) = [part.split("=", 1)[1] for part in first if part.startswith("--world_info=")]
    assert json.loads(base64.urlsafe_b64decode(world)) == {"localhost": [0]}
