"""What the service answers per second, against a plain FastAPI endpoint that does the same work, in one run.

Both serve the same ONNX model over the same Feast online store, one process each, pinned to one core; the load comes
from another. The baseline is what one would write first: a pydantic body, a sync endpoint, one model call per
request. Airworthy's service besides splits traffic, counts, and logs a sample of its answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi.security import HTTPAuthorizationCredentials
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from benchmarks.support import figures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

ROOT = Path(__file__).resolve().parents[1]
NAME, TOKEN = "flight_delays", "benchmark"
CARRIERS, ORIGINS, DESTINATIONS = ("UA", "DL", "B6", "AA"), ("EWR", "JFK", "LGA"), ("IAH", "LAX", "ORD", "MIA", "BOS")
KINDS = {"baseline": "FastAPI, pydantic, sync", "airworthy": "airworthy.serving"}


@dataclass(frozen=True)
class Result:
    """One server under one load."""

    server: str
    connections: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float


def main() -> None:
    """Measure, print, write benchmarks/results/serving.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=4, help="per server, load and round")
    parser.add_argument("--rounds", type=int, default=3, help="the median counts")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--output", type=Path, default=figures.RESULTS, help="folder of the result")
    parser.add_argument("--serve", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.home, options.port)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        prepare(home)
        found: dict[tuple[str, int], list[Result]] = {}
        with server("baseline", home) as baseline, server("airworthy", home) as ours:
            pin(1)
            for _ in range(options.rounds):  # in turns: a busy neighbour slows both
                for connections in options.connections:
                    for kind, port in (("baseline", baseline), ("airworthy", ours)):
                        result = asyncio.run(load(kind, port, connections, options.seconds))
                        found.setdefault((kind, connections), []).append(result)
    medians = [sorted(each, key=lambda r: r.requests_per_second)[len(each) // 2] for each in found.values()]
    Console(highlight=False).print(compared(medians, options))
    figures.write(
        "serving", "make bench ARGS=serving", measured(medians, options.rounds, options.seconds), folder=options.output
    )


# the load ------------------------------------------------------------------------------------------------------


async def load(kind: str, port: int, connections: int, seconds: float) -> Result:
    """So many connections, each sending its next request when it has its answer."""
    took: list[float] = []
    began = time.perf_counter()
    warm, end = began + 0.5, began + 0.5 + seconds

    async def caller(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        requests = [http_request(number * 1000 + i) for i in range(50)]
        i = 0
        while (sent := time.perf_counter()) < end:
            writer.write(requests[i % 50])
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{kind} answered {head!r}")
            if sent > warm:
                took.append(time.perf_counter() - sent)
            i += 1
        writer.close()

    await asyncio.gather(*(caller(number) for number in range(connections)))
    p50, p99 = np.percentile(np.array(took) * 1000, (50, 99))
    return Result(kind, connections, len(took) / seconds, float(p50), float(p99))


def http_request(number: int) -> bytes:
    """A request as the booking system sends it."""
    flight = {
        "key": f"2013-09-01-{number}",
        "carrier": CARRIERS[number % 4],
        "flight": number,
        "tailnum": f"N{number % 300}",
        "origin": ORIGINS[number % 3],
        "dest": DESTINATIONS[number % 5],
        "sched_dep": f"2013-09-01T{5 + number % 18:02d}:15:00-04:00",
        "distance": 1400.0,
    }
    body = json.dumps({"instances": [flight]}).encode()
    head = (
        f"POST /v1/models/{NAME}:predict HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def compared(results: list[Result], options: argparse.Namespace) -> Table:
    """Both servers side by side, with the ratios, for people."""
    by = {(result.server, result.connections): result for result in results}
    shown = Table(title=f"{KINDS['baseline']} against {KINDS['airworthy']}; median of {options.rounds} rounds")
    baseline, ours, ratios = ("baseline req/s", "p99 ms"), ("airworthy req/s", "p99 ms"), ("req/s ratio", "p99 ratio")
    for name in ("connections", *baseline, *ours, *ratios):
        shown.add_column(name, justify="right")
    for connections in options.connections:
        a, b = by["baseline", connections], by["airworthy", connections]
        each = [f"{part:,.{digits}f}" for r in (a, b) for part, digits in ((r.requests_per_second, 0), (r.p99_ms, 2))]
        shown.add_row(
            str(connections),
            *each,
            f"{b.requests_per_second / a.requests_per_second:.2f}",
            f"{b.p99_ms / a.p99_ms:.2f}",
        )
    return shown


def measured(results: list[Result], rounds: int, seconds: float) -> dict[str, float]:
    """The figures by name: requests per second, latencies in ms, and Airworthy's over the baseline's.

    Args:
        results: the median round of each server under each load.
        rounds: how many there were.
        seconds: how long each took.
    """
    by = {(result.server, result.connections): result for result in results}
    found: dict[str, float] = {}
    for load_of in sorted({result.connections for result in results}):
        suffix = f"{load_of}_connections"
        a, b = by["baseline", load_of], by["airworthy", load_of]
        found[f"ratio_{suffix}"] = b.requests_per_second / a.requests_per_second
        found[f"p99_ratio_{suffix}"] = b.p99_ms / a.p99_ms
        for result in (a, b):
            found[f"{result.server}_per_second_{suffix}"] = result.requests_per_second
            found[f"{result.server}_p50_ms_{suffix}"] = result.p50_ms
            found[f"{result.server}_p99_ms_{suffix}"] = result.p99_ms
    return {**found, "rounds": rounds, "seconds_per_round": seconds}


# the servers ---------------------------------------------------------------------------------------------------


@contextmanager
def server(kind: str, home: Path) -> Iterator[int]:
    """A server process; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.serving", "--serve", kind, "--home", str(home), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5):
                    break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def serve(kind: str, home: Path, port: int) -> None:
    """Run one of the servers in this process."""
    import uvicorn

    from airworthy.features.online.store import OnlineStore
    from airworthy.lake.lake import Lake
    from airworthy.serving.__main__ import run
    from airworthy.serving.http.app import create_app
    from airworthy.serving.service import Service

    pin(0)
    settings, spec = settings_and_spec(home)
    if kind == "baseline":
        uvicorn.run(baseline_app(home, settings, spec), port=port, loop="uvloop", http="httptools", access_log=False)
        return
    service = Service.build(
        settings,
        registry=FolderRegistry(home / "model"),
        features=lambda spec: OnlineStore(spec, settings),
        lake=Lake.of(settings),
    )
    run(create_app(service, token=TOKEN), "127.0.0.1", port)


class Flight(BaseModel):
    """The baseline's instance."""

    key: str
    carrier: str | None = None
    flight: int
    tailnum: str | None = None
    origin: str | None = None
    dest: str | None = None
    sched_dep: str
    distance: float | None = None


class Body(BaseModel):
    """The baseline's request."""

    instances: list[Flight]


class Prediction(BaseModel):
    """The baseline's answer to one instance."""

    key: str
    probability: float
    version: int


class Predictions(BaseModel):
    """The baseline's answer."""

    predictions: list[Prediction]


def baseline_app(home: Path, settings: Settings, spec: PipelineSpec) -> Any:
    """What one would write first."""
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.security import HTTPBearer

    from airworthy.features.online.store import OnlineStore
    from airworthy.model import kinds
    from airworthy.model.session import Model
    from airworthy.serving.follow.active import LoadedVersion
    from airworthy.spec import folders

    code = folders.code(settings.pipelines, spec.name, "features")
    store = OnlineStore(spec, settings)
    loaded = Model.load(home / "model", kinds.of(spec))
    model = LoadedVersion.of(loaded, spec, version=1, data_version="0")
    bearer = Depends(HTTPBearer())

    app = FastAPI()

    @app.get("/ready")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.post("/v1/models/{name}:predict")
    def predict(name: str, body: Body, credentials: HTTPAuthorizationCredentials = bearer) -> Predictions:
        if credentials.credentials != TOKEN:
            raise HTTPException(401)
        instances = [flight.model_dump() for flight in body.instances]
        own, entities = code.request_features(instances)
        at = code.prediction_times(instances, spec.prediction_lead_minutes)
        answer = model.answers(own, store.read(entities, at=at))
        return Predictions(
            predictions=[
                Prediction(key=flight.key, probability=probability, version=1)
                for flight, probability in zip(body.instances, answer.tolist(), strict=True)
            ]
        )

    return app


# what they serve -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FolderRegistry:
    """A registry whose only version lies in a folder."""

    folder: Path

    @property
    def aliases(self) -> FolderRegistry:
        return self

    versions = packages = aliases

    def serving_state(self, name: str) -> Any:
        from airworthy.traffic.serving_state import ServingState

        return ServingState(champion=1)

    def tags(self, name: str, version: int) -> dict[str, str]:
        return {}

    def download(self, name: str, version: int, to: Path) -> Path:
        import shutil

        return Path(shutil.copytree(self.folder, to))


def settings_and_spec(home: Path) -> tuple[Settings, PipelineSpec]:
    from airworthy.settings import Settings
    from airworthy.spec import folders

    settings = Settings(home=home)
    return settings, folders.load(settings.pipelines, NAME)


def prepare(home: Path) -> None:
    """A model of the example's size with random weights, and an online store with values for every entity."""
    from datetime import UTC, datetime

    import pyarrow as pa

    from airworthy.features.online.store import OnlineStore
    from airworthy.lake.lake import Lake

    settings, spec = settings_and_spec(home)
    lake = Lake.of(settings)
    entities = {
        "route": [f"{origin}-{dest}" for origin in ORIGINS for dest in DESTINATIONS],
        "carrier": list(CARRIERS),
        "origin_hour": [f"{origin}-{hour:02d}" for origin in ORIGINS for hour in range(24)],
        "origin": list(ORIGINS),
        "tailnum": [f"N{number}" for number in range(300)],
    }
    for name, view in spec.features.views.items():
        keys = entities[view.entity]
        columns = {view.entity: keys, "event_timestamp": [datetime(2013, 9, 1, tzinfo=UTC)] * len(keys)}
        columns |= {feature: np.arange(len(keys), dtype=np.float32) for feature in view.features}
        lake.append(f"{NAME}/features/{name}", pa.table(columns))
    OnlineStore(spec, settings).materialise(lake)
    write_model(home / "model", spec)


def write_model(folder: Path, spec: PipelineSpec) -> None:
    """Embeddings and an MLP as in the example: random weights."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from airworthy.model.encoder import Encoder

    folder.mkdir()
    vocabularies = dict(zip(("carrier", "origin", "dest"), (CARRIERS, ORIGINS, DESTINATIONS), strict=True))
    encoder = Encoder(vocabularies, tuple(spec.features.numeric))
    (folder / "preprocessing.json").write_text(encoder.to_json())
    random = np.random.default_rng(0)
    nodes, weights, parts = [], [], ["finite"]

    def weight(name: str, *shape: int) -> str:
        weights.append(numpy_helper.from_array(random.normal(0, 0.05, shape).astype(np.float32), name))
        return name

    weights.append(numpy_helper.from_array(np.array(0, np.float32), "zero"))
    nodes.append(helper.make_node("IsNaN", ["numeric"], ["missing"]))
    nodes.append(helper.make_node("Where", ["missing", "zero", "numeric"], ["finite"]))
    for i, cardinality in enumerate(encoder.cardinalities):
        weights.append(numpy_helper.from_array(np.array(i, np.int64), f"column_{i}"))
        nodes.append(helper.make_node("Gather", ["categorical", f"column_{i}"], [f"codes_{i}"], axis=1))
        table = weight(f"table_{i}", cardinality, spec.training.embedding_dim)
        nodes.append(helper.make_node("Gather", [table, f"codes_{i}"], [f"embedded_{i}"]))
        parts.append(f"embedded_{i}")
    nodes.append(helper.make_node("Concat", parts, ["layer_0"], axis=1))
    widths = [len(encoder.numeric) + len(encoder.cardinalities) * spec.training.embedding_dim, *spec.training.hidden]
    for i, (before, after) in enumerate(zip(widths, [*spec.training.hidden, 1], strict=True)):
        inputs = [f"layer_{i}", weight(f"w_{i}", before, after), weight(f"b_{i}", after)]
        nodes.append(helper.make_node("Gemm", inputs, [f"linear_{i}"]))
        nodes.append(helper.make_node("Relu", [f"linear_{i}"], [f"layer_{i + 1}"]))
    nodes[-1] = helper.make_node("Sigmoid", [nodes[-2].output[0]], ["answer"])
    weights.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
    nodes.append(helper.make_node("Squeeze", ["answer", "axis"], ["probability"]))
    shapes = (("categorical", TensorProto.INT64, 3), ("numeric", TensorProto.FLOAT, len(encoder.numeric)))
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info(name, kind, ["n", width]) for name, kind, width in shapes],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["n"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")


def pin(core: int) -> None:
    """Keep this process to one core, where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[core % len(cores)]})


if __name__ == "__main__":
    main()
