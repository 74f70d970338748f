"""The rules for any object: its name and labels, and the data of secrets and config maps."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from airworthy_cluster.errors import Cause, invalid

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_DATA_KEY = re.compile(r"[\w.-]{1,253}")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?")


def metadata(kind: str, obj: dict[str, Any]) -> None:
    """Check the name and the labels of any object.

    Raises:
        ApiError: 422.
    """
    if causes := list(_metadata(obj["metadata"])):
        raise invalid(kind, obj["metadata"].get("name", ""), causes)


def _metadata(meta: dict[str, Any]) -> Iterator[Cause]:
    if not _NAME.fullmatch(str(meta.get("name"))) or ".." in meta["name"]:
        yield Cause("metadata.name", f"{meta.get('name', '')!r}: lower case letters, digits, '-' and '.' are allowed")
    for key, value in (meta.get("labels") or {}).items():
        if not _is_label(key, value):
            yield Cause("metadata.labels", f"{key!r}: {value!r} is not a label: up to 63 letters, digits, '-_.'")
    if meta.get("finalizers"):
        yield Cause("metadata.finalizers", "nothing here would ever remove a finalizer; leave it out")


def _is_label(key: str, value: object) -> bool:
    return bool(_LABEL_KEY.fullmatch(key) and isinstance(value, str) and _LABEL_VALUE.fullmatch(value))


def data(obj: dict[str, Any]) -> None:
    """Check the data of a secret or config map: keys become file names, values text or base64.

    Raises:
        ApiError: 422.
    """
    if causes := list(_data(obj["data"], secret=obj["kind"] == "Secret")):
        raise invalid(obj["kind"], obj["metadata"]["name"], causes)


def _data(entries: dict[str, Any], *, secret: bool) -> Iterator[Cause]:
    for key, value in entries.items():
        if not _DATA_KEY.fullmatch(key) or key in (".", ".."):
            yield Cause("data", f"{key!r} is not a key: letters, digits, '-', '_' and '.' are allowed")
        if not isinstance(value, str) or (secret and not _is_base64(value)):
            yield Cause(f"data[{key}]", "base64 is expected" if secret else "text is expected")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
