"""What serves: the aliases of a registered model, and the share of traffic its challenger gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from airworthy.registry.tags import CANARY_PERCENT, RELEASE_ID
from airworthy.traffic.serving_state import ServingState

if TYPE_CHECKING:
    from mlflow.entities.model_registry import RegisteredModel

    from airworthy.registry.client import Server

Alias = Literal["champion", "challenger"]


class Aliases:
    """The aliases and canary shares of every model on one MLflow server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def serving_state(self, name: str) -> ServingState:
        """Aliases and canary share, in one request; all None if the model is not registered."""
        model = self._model(name)
        if model is None:
            return ServingState()
        aliases = {alias: int(version) for alias, version in model.aliases.items()}
        challenger, percent = aliases.get("challenger"), model.tags.get(CANARY_PERCENT)
        return ServingState(
            champion=aliases.get("champion"),
            challenger=challenger,
            canary_percent=float(percent) if percent and challenger is not None else 0.0,
            release_id=model.tags.get(RELEASE_ID),
        )

    def get(self, name: str, alias: Alias) -> int | None:
        """The version an alias points to, or None."""
        model = self._model(name)
        version = model.aliases.get(alias) if model else None
        return None if version is None else int(version)

    def set(self, name: str, alias: Alias, version: int) -> None:
        """Point an alias to a version."""
        with self._server.talking():
            self._server.client.set_registered_model_alias(name, alias, str(version))

    def delete(self, name: str, alias: Alias) -> None:
        """Remove an alias; nothing happens if there is none."""
        if self.get(name, alias) is not None:
            with self._server.talking():
                self._server.client.delete_registered_model_alias(name, alias)

    def set_canary(self, name: str, release_id: str, percent: float) -> None:
        """Give the challenger this share of traffic, in percent."""
        with self._server.talking():
            # the share last: until it is there, a poller that reads in between sends the challenger nothing
            self._server.client.set_registered_model_tag(name, RELEASE_ID, release_id)
            self._server.client.set_registered_model_tag(name, CANARY_PERCENT, f"{percent:g}")

    def clear_canary(self, name: str) -> None:
        """Take the challenger's share away; nothing happens if it has none."""
        model = self._model(name)
        with self._server.talking():
            for tag in (CANARY_PERCENT, RELEASE_ID):
                if model and tag in model.tags:
                    self._server.client.delete_registered_model_tag(name, tag)

    def _model(self, name: str) -> RegisteredModel | None:
        from mlflow.exceptions import MlflowException

        with self._server.talking():
            try:
                return self._server.client.get_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None
