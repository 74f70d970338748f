"""One file system for every address: folders, s3:// and whatever else fsspec knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.arrow import ArrowFSWrapper
from fsspec.implementations.local import LocalFileSystem


def filesystem(url: str, storage_options: Mapping[str, str]) -> tuple[AbstractFileSystem, str]:
    """The file system of ``url``, and the path of ``url`` in it.

    S3 goes through pyarrow's client: it is there anyway, and the current s3fs pins a botocore that the rest of the
    project cannot live with. Everything else is fsspec's own.

    Args:
        url: a local path, ``file://``, ``s3://`` (``s3a://``) or any other fsspec URL.
        storage_options: delta-rs keys (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID``, ...), so that one set of options
            serves the lake and the landing zone; ignored by local folders.
    """
    scheme = urlsplit(url).scheme
    if scheme in ("s3", "s3a"):
        return ArrowFSWrapper(_s3(storage_options), skip_instance_cache=True), url.split("://", 1)[1].rstrip("/")
    fs, path = url_to_fs(url)
    return fs, path.rstrip("/")


def s3_options(storage_options: Mapping[str, str]) -> dict[str, str]:
    """delta-rs storage options by one spelling: ``ACCESS_KEY_ID``, ``ENDPOINT_URL``, ``REGION``, ...

    delta-rs takes them in either case, with ``AWS_`` or without, and knows two names of the endpoint and the region.
    """
    options = {key.upper().removeprefix("AWS_"): value for key, value in storage_options.items() if value}
    for name, other in (("ENDPOINT_URL", "ENDPOINT"), ("REGION", "DEFAULT_REGION")):
        if other in options:
            options.setdefault(name, options[other])
    return options


def _s3(storage_options: Mapping[str, str]) -> Any:
    from pyarrow.fs import S3FileSystem

    options = s3_options(storage_options)
    arguments: dict[str, Any] = {
        "access_key": options.get("ACCESS_KEY_ID"),
        "secret_key": options.get("SECRET_ACCESS_KEY"),
        "session_token": options.get("SESSION_TOKEN"),
        "region": options.get("REGION"),
    }
    if endpoint := options.get("ENDPOINT_URL"):
        # a given endpoint (MinIO, moto) seldom answers the region lookup that an absent region would start
        arguments |= {"endpoint_override": endpoint, "region": arguments["region"] or "us-east-1"}
    return S3FileSystem(**{key: value for key, value in arguments.items() if value})


def write_atomically(fs: AbstractFileSystem, path: str, data: bytes) -> None:
    """Put a whole file at ``path``: a reader sees the old one, or none, or the new one, never a part.

    Object stores show an object only when it is complete; elsewhere a hidden temporary name is renamed.
    """
    if not isinstance(fs, LocalFileSystem):
        fs.pipe_file(path, data)
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(target)
