"""Parts for the serving tests: real ONNX models, a registry in a folder, a store in memory, a real HTTP server.

Run as a program it serves, so that tests can kill it: ``python serving_parts.py HOME REGISTRY PORT``.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import uvicorn
from onnx import TensorProto, helper, numpy_helper
from small_models import still_zero

from airworthy.lake.lake import Lake
from airworthy.model.encoder import Encoder
from airworthy.registry.client import RegistryAway
from airworthy.serving.http.app import Router, create_app
from airworthy.serving.options import ServiceOptions
from airworthy.serving.service import Service
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy.traffic.measure import Accumulator, scrape
from airworthy.traffic.serving_state import ServingState
from airworthy.traffic.variants import Variant, VariantMeasurement
from pipelines.flight_delays.request import REQUEST_EXAMPLE

ROOT = Path(__file__).parents[2]
SPEC = PipelineSpec.load(ROOT / "include" / "pipelines" / "flight_delays" / "pipeline.yaml")
NAME = SPEC.name
TOKEN = "test-token"
RELEASE = f"{NAME}-v2"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
PREDICT = f"/v1/models/{NAME}:predict"
FAST = ServiceOptions(poll_seconds=0.05, reload_seconds=0.1, spool_seconds=0.05, commit_seconds=0.3, patience=3)


def instance(key: str, **changes: Any) -> dict[str, Any]:
    """A booking system's request, as World.requests gives it."""
    return {**REQUEST_EXAMPLE, "key": key, **changes}


# models --------------------------------------------------------------------------------------------------------

#: The misbehaving models keep the contract as far as anybody can see before the first request: they fail on rows of
#: one distance, which `instance` has and the contract's sample has not.
ENCODER = Encoder({"carrier": ("UA",), "origin": ("EWR",), "dest": ("IAH",)}, tuple(SPEC.features.numeric))
DISTANCE = SPEC.features.numeric.index("distance")
FATAL_DISTANCE = REQUEST_EXAMPLE["distance"]


def write_model(folder: Path, kind: str = "constant", rate: float = 0.25) -> Path:
    """``model.onnx`` and ``preprocessing.json``.

    Kinds: ``constant`` answers rate; ``nan``, ``raise``, ``hang`` and ``above_one`` (1 + rate) do so on rows of the
    fatal distance; ``signature`` has other inputs; ``garbage`` is no model.
    """
    folder.mkdir(parents=True)
    (folder / "preprocessing.json").write_text(ENCODER.to_json())
    if kind == "garbage":
        (folder / "model.onnx").write_bytes(b"not a model")
        return folder
    nodes = [
        _constant("column", np.array([DISTANCE], np.int64)),
        _constant("rate", np.array(rate, np.float32)),
        _constant("zero", np.array(0, np.float32)),
        helper.make_node("Gather", ["numeric", "column"], ["distance_2d"], axis=1),
        helper.make_node("Squeeze", ["distance_2d", "axis"], ["distance"]),
        _constant("axis", np.array([1], np.int64)),
        helper.make_node("IsNaN", ["distance"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "rate"], ["answer"]),
        _constant("fatal_distance", np.array(FATAL_DISTANCE, np.float32)),
        helper.make_node("Equal", ["distance", "fatal_distance"], ["fatal"]),
        helper.make_node("Cast", ["fatal"], ["fatal_int"], to=TensorProto.INT64),
        helper.make_node("ReduceMax", ["fatal_int"], ["any_fatal"], keepdims=0),
    ]
    if kind in ("constant", "signature"):
        nodes.append(helper.make_node("Identity", ["answer"], ["probability"]))
    elif kind in ("nan", "above_one"):
        nodes.append(_constant("unsound", np.array(np.nan if kind == "nan" else 1 + rate, np.float32)))
        nodes.append(helper.make_node("Where", ["fatal", "unsound", "answer"], ["probability"]))
    elif kind == "raise":  # an index out of range
        nodes.append(_constant("one_zero", np.zeros(1, np.float32)))
        nodes.append(helper.make_node("Gather", ["one_zero", "any_fatal"], ["nothing"]))
        nodes.append(helper.make_node("Add", ["answer", "nothing"], ["probability"]))
    elif kind == "hang":
        nodes += _hang()
    model_inputs = [
        helper.make_tensor_value_info("categorical", TensorProto.INT64, ["n", 3]),
        helper.make_tensor_value_info("numeric", TensorProto.FLOAT, ["n", len(SPEC.features.numeric)]),
    ]
    if kind == "signature":
        model_inputs.append(helper.make_tensor_value_info("another", TensorProto.FLOAT, ["n"]))
    nodes.sort(key=lambda node: node.op_type != "Constant")
    graph = helper.make_graph(
        nodes, kind, model_inputs, [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n"])]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    return folder


def _hang() -> list[onnx.NodeProto]:
    """A loop of a billion rounds, if any row has the fatal distance."""
    return [
        _constant("billion", np.array(10**9, np.int64)),
        _constant("true", np.array(True)),
        helper.make_node("Mul", ["any_fatal", "billion"], ["rounds"]),
        still_zero("rounds"),
        helper.make_node("Add", ["answer", "still_zero"], ["probability"]),
    ]


def _constant(name: str, value: np.ndarray) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value))


# a registry and a store ----------------------------------------------------------------------------------------


class FakeRegistry:
    """A registry in a folder, shared between processes; for faults that a real MLflow cannot be asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.aliases = self.versions = self.packages = self
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, version: int, kind: str = "constant", rate: float = 0.25, train_run: str = "run") -> None:
        """A new version."""
        shutil.rmtree(self.folder / str(version), ignore_errors=True)
        write_model(self.folder / str(version), kind, rate)
        tags = {"airworthy.train_run": train_run, "airworthy.data_version": f"{version}0"}
        (self.folder / f"{version}.tags").write_text(json.dumps(tags))

    def point(self, **state: Any) -> None:
        """Move the aliases."""
        temporary = self.folder / "state.tmp"
        temporary.write_text(json.dumps(asdict(ServingState(**state))))
        temporary.replace(self.folder / "state.json")

    def canary(self, percent: float, *, champion: int = 1, challenger: int = 2, release_id: str = "r-v2") -> None:
        """A canary at ``percent``."""
        self.point(champion=champion, challenger=challenger, canary_percent=percent, release_id=release_id)

    def set_away(self, away: bool) -> None:
        """Answer no more, or again."""
        (self.folder / "away").touch() if away else (self.folder / "away").unlink()

    def serving_state(self, name: str) -> ServingState:
        self._check()
        state = self.folder / "state.json"
        return ServingState(**json.loads(state.read_text())) if state.exists() else ServingState()

    def tags(self, name: str, version: int) -> dict[str, str]:
        self._check()
        return json.loads((self.folder / f"{version}.tags").read_text())

    def download(self, name: str, version: int, to: Path) -> Path:
        self._check()
        return Path(shutil.copytree(self.folder / str(version), to / "files"))

    def _check(self) -> None:
        if (self.folder / "away").exists():
            raise RegistryAway("away, says the test")


class FakeFeatures:
    """An online store in memory: every feature is 1; asked for ``BROKEN`` it raises."""

    def read(self, entity_keys: list[dict[str, str | None]], at: Any = None) -> np.ndarray:
        assert at is None or len(at) == len(entity_keys)
        if any(keys.get("tailnum") == "BROKEN" for keys in entity_keys):
            raise OSError("the online store is away, says the test")
        width = sum(len(view.features) for view in SPEC.features.views.values())
        return np.ones((len(entity_keys), width), np.float32)


# a service -----------------------------------------------------------------------------------------------------


def settings_at(home: Path) -> Settings:
    return Settings(home=home, serving_token=TOKEN, pipelines=ROOT / "include" / "pipelines")


def build(home: Path, registry: Any, options: ServiceOptions = FAST) -> tuple[Router, Service]:
    """The application over a fake store; the lake is real."""
    settings = settings_at(home)
    service = Service.build(
        settings, registry=registry, features=lambda _: FakeFeatures(), lake=Lake.of(settings), options=options
    )
    return create_app(service, token=TOKEN, options=options), service


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(app: Any, port: int | None = None) -> Iterator[httpx.Client]:
    """A real server in a thread, stopped gracefully in the end."""
    port = port or free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=20) as client:
            until(lambda: server.started, "the server starts")
            yield client
    finally:
        server.should_exit = True
        thread.join()


def until(condition: Any, what: str, seconds: float = 15) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)


def serves(client: httpx.Client, **state: Any) -> None:
    """Wait until the model's state is this."""
    until(
        lambda: state.items() <= client.get(f"/v1/models/{NAME}").json().items(),
        f"{state}, but {client.get(f'/v1/models/{NAME}').json()}",
    )


def predict(client: httpx.Client, keys: list[str], **changes: Any) -> list[dict[str, Any]]:
    answer = client.post(PREDICT, json={"instances": [instance(key, **changes) for key in keys]})
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def error_of(answer: httpx.Response, status: int) -> dict[str, object]:
    """The error document of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


if __name__ == "__main__":
    from airworthy.serving.__main__ import run

    os.setpgid(0, 0)
    run(build(Path(sys.argv[1]), FakeRegistry(Path(sys.argv[2])))[0], "127.0.0.1", int(sys.argv[3]))


def measure(url: str, token: str, model: str, release_id: str) -> dict[Variant, VariantMeasurement]:
    """What the service's present process answered in this release, by variant."""
    return Accumulator().add(scrape(url, token, model, release_id)).measurements()
