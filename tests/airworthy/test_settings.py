"""The addresses of this process: from the environment, and the same in whatever it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from airworthy.settings import Settings

OPTIONS = {"AWS_ENDPOINT_URL": "http://minio:9000", "AWS_ACCESS_KEY_ID": 'with "quotes"'}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"AIRWORTHY_{name.upper()}", raising=False)


def test_what_is_not_given_lies_below_the_home() -> None:
    settings = Settings(home=Path("/state"))
    assert settings.lake == "/state/lake"
    assert settings.landing == "/state/landing"
    assert settings.ledger_url == "sqlite:////state/ledger.db"
    assert settings.online_store == "/state/feast/online.db"


def test_what_is_given_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRWORTHY_LAKE", "s3://bucket/lake")
    monkeypatch.setenv("AIRWORTHY_HOME", "/state")
    settings = Settings()
    assert (settings.lake, settings.landing) == ("s3://bucket/lake", "/state/landing")
    with pytest.raises(ValidationError):
        settings.lake = "elsewhere"  # type: ignore[misc]


def test_a_child_process_has_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(home=Path("/state"), lake="s3://bucket/lake", storage_options=OPTIONS, serving_token="t=1")
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert Settings() == settings
