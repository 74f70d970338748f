"""Where everything is: the addresses that differ between a laptop and production, and nothing else."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parents[2]
#: In the home folder of an embedded stack that was ever started.
STACK_RECORD = "stack.json"


class Settings(BaseSettings):
    """Addresses, read from ``AIRWORTHY_*`` environment variables.

    Airflow tasks build it from connections (``airworthy_airflow.connections``) and hand it to pods as environment,
    so every process, in Airflow or out of it, sees the same addresses.
    """

    model_config = SettingsConfigDict(env_prefix="AIRWORTHY_", extra="ignore", frozen=True)

    home: Path = Field(PROJECT_ROOT / ".airworthy", description="state folder of the embedded stack")
    pipelines: Path = Field(PROJECT_ROOT / "include" / "pipelines", description="one folder per model")
    lake: str = Field("", description="root of the Delta tables: a path or s3://bucket/prefix")
    landing: str = Field("", description="landing zone of raw files: any fsspec URL")
    storage_options: dict[str, str] = Field(
        default_factory=dict,
        description="delta-rs storage options, e.g. AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID; empty for local folders",
    )
    mlflow_url: str = Field("http://127.0.0.1:5500", description="MLflow tracking server and model registry")
    ledger_url: str = Field("", description="SQLAlchemy URL of the release ledger")
    serving_url: str = Field("http://127.0.0.1:8600", description="inference service, or its load balancer")
    serving_token: str = Field("", description="bearer token of the inference service")
    online_store: str = Field("", description="Feast online store: a SQLite path, or redis://host:port/0")

    def model_post_init(self, _context: object) -> None:
        for name, value in {
            "lake": str(self.home / "lake"),
            "landing": str(self.home / "landing"),
            "ledger_url": f"sqlite:///{self.home / 'ledger.db'}",
            "online_store": str(self.home / "feast" / "online.db"),
        }.items():
            if not getattr(self, name):
                object.__setattr__(self, name, value)

    def as_environment(self) -> dict[str, str]:
        """The same settings as environment variables, for a pod or a child process."""
        import json

        return {
            f"AIRWORTHY_{name.upper()}": json.dumps(value) if isinstance(value, dict) else str(value)
            for name, value in self
        }


@cache
def from_environment() -> Settings:
    """The settings of this process, read once."""
    return Settings()
