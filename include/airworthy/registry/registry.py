"""The model registry of one MLflow server: its runs, versions, aliases and model files under one name."""

from __future__ import annotations

from airworthy.registry.aliases import Aliases
from airworthy.registry.client import Server
from airworthy.registry.packages import Packages
from airworthy.registry.runs import Runs
from airworthy.registry.versions import Versions


class Registry:
    """Everything asked of one MLflow server. Nothing is sent before the first call.

    Every call raises `RegistryAway` when the server does not answer.

    Args:
        url: e.g. ``http://127.0.0.1:5500``.

    Attributes:
        server: the address, and MLflow's own client for what the parts do not cover.
        runs: trainings.
        versions: what they made, once it may be released.
        aliases: which of them serve.
        packages: their files.
    """

    def __init__(self, url: str) -> None:
        self.server = Server(url)
        self.runs = Runs(self.server)
        self.versions = Versions(self.server, self.runs)
        self.aliases = Aliases(self.server)
        self.packages = Packages(self.server, self.versions)
