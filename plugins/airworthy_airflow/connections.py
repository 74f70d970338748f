"""Airflow connections -> Settings: the one place where Airflow's addresses become ours."""

from __future__ import annotations

from airflow.sdk import BaseHook, Connection

from airworthy.settings import Settings

LAKE = "airworthy_lake"
LANDING = "airworthy_landing"
LEDGER = "airworthy_ledger"
SERVING = "airworthy_serving"
ONLINE_STORE = "airworthy_online_store"
MLFLOW = "mlflow_default"
SPARK = "spark_default"
KUBERNETES = "kubernetes_default"


def settings() -> Settings:
    """The addresses of this deployment, read from Airflow's connections (in a task or a trigger).

    Raises:
        AirflowNotFoundException: a connection is missing; `airworthy up` creates them all from airflow_settings.yaml.
    """
    lake = BaseHook.get_connection(LAKE)
    serving = BaseHook.get_connection(SERVING)
    return Settings(
        lake=_extra(lake, "uri"),
        landing=_extra(BaseHook.get_connection(LANDING), "uri"),
        storage_options=_storage_options(lake),
        mlflow_url=_url(BaseHook.get_connection(MLFLOW)),
        ledger_url=_extra(BaseHook.get_connection(LEDGER), "url"),
        serving_url=_url(serving),
        serving_token=serving.password or "",
        online_store=_extra(BaseHook.get_connection(ONLINE_STORE), "uri"),
    )


def _extra(connection: Connection, key: str) -> str:
    value = connection.extra_dejson.get(key)
    if not value:
        raise ValueError(
            f"connection {connection.conn_id!r} has no {key!r} in its extra; "
            f'set it to e.g. {{"{key}": "/data/lake"}} or see airflow_settings.yaml'
        )
    return str(value)


def _url(connection: Connection) -> str:
    host = connection.host or ""
    if "://" in host:
        return host.rstrip("/")
    scheme = connection.schema or "http"
    port = f":{connection.port}" if connection.port else ""
    return f"{scheme}://{host}{port}"


def _storage_options(connection: Connection) -> dict[str, str]:
    """delta-rs options of an amazon connection; empty for a local folder."""
    extra = connection.extra_dejson
    options = {
        "AWS_ACCESS_KEY_ID": connection.login,
        "AWS_SECRET_ACCESS_KEY": connection.password,
        "AWS_ENDPOINT_URL": extra.get("endpoint_url"),
        "AWS_REGION": extra.get("region_name"),
    }
    chosen = {key: str(value) for key, value in options.items() if value}
    if str(chosen.get("AWS_ENDPOINT_URL", "")).startswith("http://"):
        chosen["AWS_ALLOW_HTTP"] = "true"
    return chosen
