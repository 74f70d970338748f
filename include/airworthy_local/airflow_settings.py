"""airflow_settings.yaml: Airflow's connections, pools and variables, expanded, checked and put into Airflow."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from airworthy.errors import AirworthyError
from airworthy_local.users import Credentials

_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}")


class SettingsFileWrong(AirworthyError):
    """airflow_settings.yaml cannot be read, names a variable that is not set, or has a key that is not known."""


class SettingsRefused(AirworthyError):
    """Airflow did not take a connection, pool or variable."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Connection(_Strict):
    """A connection, with the Astro CLI's names for its fields."""

    conn_id: str
    conn_type: str
    conn_host: str | None = None
    conn_schema: str | None = None
    conn_login: str | None = None
    conn_password: str | None = None
    conn_port: int | None = None
    conn_extra: dict[str, Any] | None = None

    def as_api_entity(self) -> dict[str, Any]:
        extra = {key: value for key, value in (self.conn_extra or {}).items() if value is not None}
        return {
            "connection_id": self.conn_id,
            "conn_type": self.conn_type,
            "host": self.conn_host,
            "schema": self.conn_schema,
            "login": self.conn_login,
            "password": self.conn_password,
            "port": self.conn_port,
            "extra": json.dumps(extra) if extra else None,
        }


class Pool(_Strict):
    """A pool: how many of its tasks run at the same time."""

    pool_name: str
    pool_slot: int
    pool_description: str = ""

    def as_api_entity(self) -> dict[str, Any]:
        return {"name": self.pool_name, "slots": self.pool_slot, "description": self.pool_description}


class Variable(_Strict):
    """An Airflow variable."""

    variable_name: str
    variable_value: str

    def as_api_entity(self) -> dict[str, Any]:
        return {"key": self.variable_name, "value": self.variable_value}


class AirflowSettings(_Strict):
    """All of the file, references expanded."""

    connections: list[Connection] = Field(default_factory=list)
    pools: list[Pool] = Field(default_factory=list)
    variables: list[Variable] = Field(default_factory=list)

    @property
    def digest(self) -> str:
        """Changes when anything in the expanded file does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def apply(self, airflow_url: str, admin: Credentials) -> None:
        """Create or overwrite everything in Airflow's database, through its REST API.

        What people have added there under other names stays.

        Raises:
            SettingsRefused: Airflow refused an entry; says which and why.
        """
        with httpx.Client(base_url=airflow_url, timeout=60, trust_env=False) as client:
            answer = client.post("/auth/token", json={"username": admin.user, "password": admin.password})
            if not answer.is_success:
                raise SettingsRefused(
                    f"Airflow did not let {admin.user} in: {answer.text[:300]}", next_step="airworthy users --reset"
                )
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            for kind in ("connections", "pools", "variables"):
                entities = [entry.as_api_entity() for entry in getattr(self, kind)]
                if entities:
                    _overwrite(client, kind, entities)


def _overwrite(client: httpx.Client, kind: str, entities: list[dict[str, Any]]) -> None:
    action = {"action": "create", "action_on_existence": "overwrite", "entities": entities}
    answer = client.patch(f"/api/v2/{kind}", json={"actions": [action]})
    refused = answer.json().get("create", {}).get("errors", []) if answer.is_success else [answer.text[:500]]
    if refused:
        raise SettingsRefused(f"Airflow refused {kind}: {refused}", next_step="correct airflow_settings.yaml")


def load(path: Path, environment: Mapping[str, str]) -> AirflowSettings:
    """Read the file and expand ``${NAME}`` and ``${NAME:-default}`` from the environment.

    Args:
        path: airflow_settings.yaml, in the Astro CLI's format.
        environment: what the references mean.

    Raises:
        SettingsFileWrong: names the file, the key, the value seen and what is allowed.
    """
    try:
        document = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SettingsFileWrong(f"{path}: {error}", next_step="restore the file from version control") from error
    body = document.get("airflow") if isinstance(document, dict) else None
    if not isinstance(body, dict):
        raise SettingsFileWrong(
            f"{path}: no mapping 'airflow' at the top", next_step="see the Astro CLI's airflow_settings.yaml"
        )
    # the Astro CLI writes keys without a value where there is nothing
    filled = {key: value for key, value in body.items() if value is not None}
    try:
        return AirflowSettings.model_validate(_expand(filled, environment, path, "airflow"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsFileWrong(
            f"{path}: airflow.{where} is {first['input']!r}: {first['msg']}", next_step="correct that key"
        ) from error


def _expand(value: Any, environment: Mapping[str, str], path: Path, where: str) -> Any:
    if isinstance(value, dict):
        return {key: _expand(each, environment, path, f"{where}.{key}") for key, each in value.items()}
    if isinstance(value, list):
        return [_expand(each, environment, path, f"{where}[{index}]") for index, each in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        # as in a shell, an empty variable takes the default too
        known = environment.get(match["name"]) or match["default"]
        if known is None:
            raise SettingsFileWrong(
                f"{path}: {where} names ${{{match['name']}}}, which is not set",
                next_step=f"export {match['name']}=..., or give a default: ${{{match['name']}:-value}}",
            )
        return known

    expanded = _REFERENCE.sub(replace, value)
    # an optional field that expands to nothing is not there
    return expanded if expanded or not _REFERENCE.search(value) else None
