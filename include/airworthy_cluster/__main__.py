"""``python -m airworthy_cluster``: run the local cluster until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import uvicorn

from airworthy_cluster import access, api, certificate
from airworthy_cluster import node as nodes
from airworthy_cluster.errors import ClusterError
from airworthy_cluster.events import Events
from airworthy_cluster.kubelet import Kubelet
from airworthy_cluster.runners import Runners, sweep
from airworthy_cluster.store import Store

log = logging.getLogger("airworthy.cluster")


@dataclass(frozen=True)
class Options:
    """The command line."""

    home: Path
    port: int
    capacity: nodes.Capacity
    patience: float


def main(arguments: list[str] | None = None) -> int:
    """Run the cluster; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    given = _parser().parse_args(arguments)
    home = given.home.expanduser().resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = _only_one(home)
        if given.sweep:
            print(f"killed {len(sweep(home))} processes that an earlier cluster had left in {home}")
            return 0
        capacity = nodes.Capacity.of_this_machine(given.cpu, given.memory, given.gpus)
        with _listen(given.port) as listening, lock:
            asyncio.run(_serve(Options(home, listening.getsockname()[1], capacity, given.grace), listening))
    except (ClusterError, ValueError) as error:
        print(f"local cluster: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airworthy_cluster", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="state folder; the kubeconfig is written here")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes a free one (default)")
    parser.add_argument("--cpu", help="cores that pods may ask for together, e.g. 2 or 1500m (default: all)")
    parser.add_argument("--memory", help="memory that pods may ask for together, e.g. 16Gi (default: all)")
    parser.add_argument("--gpus", type=int, help="GPUs that pods may ask for together (default: those in /dev)")
    parser.add_argument("--grace", type=float, default=5.0, help="seconds that pods get to end when the cluster ends")
    parser.add_argument(
        "--sweep", action="store_true", help="kill what a cluster that is gone has left running, and exit"
    )
    return parser


def _only_one(home: Path) -> TextIO:
    """The home's lock, held as long as the file is open: two clusters on one home would fight over its pods."""
    file = (home / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip()
        raise ClusterError(
            f"another local cluster (pid {owner}) uses {home}", next_step="stop it, or choose another --home"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise ClusterError(
            f"cannot listen on 127.0.0.1:{port}: {error.strerror}",
            next_step="choose another --port, or 0 for a free one",
        ) from error
    return listening


class _Server(uvicorn.Server):
    """uvicorn, which on its way out first ends the pods and the watches that would keep it waiting."""

    def __init__(self, config: uvicorn.Config, kubelet: Kubelet, store: Store, patience: float) -> None:
        super().__init__(config)
        self._kubelet, self._store, self._patience = kubelet, store, patience

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Like uvicorn's, without raising the signal again at the end: a clean end is exit status 0."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._kubelet.shut_down(self._patience)
        self._store.close()
        await super().shutdown(sockets)


async def _serve(options: Options, listening: socket.socket) -> None:
    home, capacity = options.home, options.capacity
    store, runners = Store(home / "objects"), Runners(home)
    kubelet = Kubelet(store, runners, Events(store), capacity, os.environ)
    if store.find("namespaces", "", "default") is None:
        default = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "default"}}
        store.create("namespaces", {**default, "status": {"phase": "Active"}})
    if before := store.find("nodes", "", nodes.NAME):
        store.remove("nodes", before)
    store.create("nodes", nodes.as_object(capacity, nodes.labels(capacity), time.time()))
    kubelet.recover()
    bearer = access.token(home)
    url = f"https://127.0.0.1:{listening.getsockname()[1]}"
    authority, key = certificate.ensure(home)
    access.write_kubeconfig(home / "kubeconfig", url, bearer, authority)
    config = uvicorn.Config(
        access.RequireToken(api.application(store, kubelet, runners), bearer),
        log_config=None, log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="off",
        ssl_certfile=authority, ssl_keyfile=key,
    )  # fmt: skip
    log.info("local cluster on %s, state and kubeconfig in %s; pods are processes, this is not isolation", url, home)
    loop = asyncio.create_task(kubelet.run())
    try:
        await _Server(config, kubelet, store, options.patience).serve(sockets=[listening])
    finally:
        loop.cancel()
    log.info("local cluster ended; no pod runs")


if __name__ == "__main__":
    sys.exit(main())
