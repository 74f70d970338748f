"""What Spark is told of the lake's addresses and credentials."""

from __future__ import annotations

import pytest

from airworthy.features.session import s3a_configuration, spark_address


@pytest.mark.parametrize(
    ("uri", "address"),
    [("s3://bucket/a b/c", "s3a://bucket/a b/c"), ("s3a://bucket/a", "s3a://bucket/a"), ("/lake/a", "/lake/a")],
)
def test_only_s3_has_another_name_for_hadoop(uri: str, address: str) -> None:
    assert spark_address(uri) == address


def test_a_folder_needs_no_configuration() -> None:
    assert s3a_configuration({}) == {}


def test_credentials_and_region_are_handed_on() -> None:
    options = {"AWS_ACCESS_KEY_ID": "a", "aws_secret_access_key": "b", "AWS_SESSION_TOKEN": "", "AWS_REGION": "eu"}
    assert s3a_configuration(options) == {
        "spark.hadoop.fs.s3a.access.key": "a",
        "spark.hadoop.fs.s3a.secret.key": "b",
        "spark.hadoop.fs.s3a.endpoint.region": "eu",
    }


@pytest.mark.parametrize(("scheme", "secure"), [("http", "false"), ("https", "true")])
@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT"])
def test_a_store_of_ones_own_is_addressed_by_path_and_by_its_scheme(name: str, scheme: str, secure: str) -> None:
    assert s3a_configuration({name: f"{scheme}://minio:9000"}) == {
        "spark.hadoop.fs.s3a.endpoint": f"{scheme}://minio:9000",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": secure,
    }
