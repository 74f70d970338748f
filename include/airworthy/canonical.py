"""Canonical JSON and its SHA-256: the same content gives the same digest on every machine."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, UTF-8 as it is.

    Raises:
        ValueError: a float is NaN or infinite, which JSON does not know; say ``None`` instead.
        TypeError: something that is not JSON.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(text: str) -> str:
    """Hexadecimal SHA-256 of ``text`` in UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
