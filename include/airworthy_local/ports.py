"""The loopback ports of the embedded stack: which they are, and who holds one that is taken."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

import psutil

from airworthy.errors import AirworthyError

LOOPBACK = "127.0.0.1"
#: Where `Ports.free` looks.
TEST_PORTS = (20_000, 32_000)


class PortTaken(AirworthyError):
    """Somebody else listens on a port that the stack needs."""


class PortInvalid(AirworthyError):
    """A port that is no number from 1 to 65535, or one given to two processes."""


@dataclass(frozen=True)
class Ports:
    """One port for each process that others talk to.

    Each can be changed with an option of ``airworthy up`` (``--airflow-port``) or the environment variable of that
    name (``AIRWORTHY_PORT_AIRFLOW``); the stack remembers what was chosen.
    """

    airflow: int = 8080
    mlflow: int = 5500
    serving: int = 8600
    cluster: int = 6500

    def __post_init__(self) -> None:
        chosen = asdict(self)
        for name, port in chosen.items():
            if not 1 <= port <= 65535:
                raise PortInvalid(
                    f"the {name} port is {port}, expected a number from 1 to 65535", next_step=how_to_change(name)
                )
            twin = next((other for other, same in chosen.items() if same == port and other != name), None)
            if twin:
                raise PortInvalid(f"{name} and {twin} both have port {port}", next_step=how_to_change(twin))

    @classmethod
    def choose(
        cls,
        options: Mapping[str, int | None] | None = None,
        environment: Mapping[str, str] | None = None,
        remembered: Mapping[str, int] | None = None,
    ) -> Self:
        """Ports from the options, else from ``AIRWORTHY_PORT_*``, else those of last time, else the defaults."""
        chosen: dict[str, int] = {}
        for field in fields(cls):
            variable = (environment or {}).get(f"AIRWORTHY_PORT_{field.name.upper()}")
            if option := (options or {}).get(field.name):
                chosen[field.name] = option
            elif variable:
                if not variable.isdecimal():
                    raise PortInvalid(
                        f"AIRWORTHY_PORT_{field.name.upper()} is {variable!r}, expected a number",
                        next_step=how_to_change(field.name),
                    )
                chosen[field.name] = int(variable)
            elif field.name in (remembered or {}):
                chosen[field.name] = int((remembered or {})[field.name])
        return cls(**chosen)

    @classmethod
    def free(cls) -> Self:
        """Ports that nobody holds now; for tests.

        Below those that the system gives to outgoing connections: one of these would be taken again before the stack
        has got round to listening on it.
        """
        candidates = random.sample(range(*TEST_PORTS), 200)
        chosen = [port for port in candidates if is_free(port)][: len(fields(cls))]
        return cls(*chosen)

    def require_free(self) -> None:
        """Check that nobody listens on any of them.

        Raises:
            PortTaken: names the port, who holds it (process id and command, where that can be seen) and the option.
        """
        for name, port in asdict(self).items():
            if not is_free(port):
                raise PortTaken(
                    f"port {port}, which {name} needs, is taken by {owner(port)}", next_step=how_to_change(name)
                )


def how_to_change(name: str) -> str:
    """What a person does to give a process another port."""
    return f"airworthy up --{name}-port N, or AIRWORTHY_PORT_{name.upper()}=N (or stop what holds it)"


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # as servers do: a port whose last connections are still winding down counts as free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def owner(port: int) -> str:
    """Who listens on a port, in words."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            address: tuple[object, ...] = connection.laddr
            if connection.status == psutil.CONN_LISTEN and port in address[1:2] and connection.pid:
                command = " ".join(psutil.Process(connection.pid).cmdline())
                return f"process {connection.pid} ({command[:100]})"
    return "another user's process"
