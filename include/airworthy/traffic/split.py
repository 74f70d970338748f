"""Who meets the candidate: a pure, sticky hash split, and the sample of the prediction log."""

from __future__ import annotations

from hashlib import blake2b

from airworthy.traffic.variants import Variant

_RANGE = 1 << 64


def variant(key: str, release_id: str | None, percent: float) -> Variant:
    """The variant that answers ``key`` during a release.

    Sticky without state: any replica, after any restart, gives the same answer. Another release deals the keys anew,
    so that the same callers are not always the ones who try a candidate. A higher percentage keeps those who meet
    the challenger already.

    Args:
        key: the request's key.
        release_id: the release; None without one.
        percent: the challenger's share of all keys, 0 to 100.

    Raises:
        ValueError: ``percent`` is not between 0 and 100.
    """
    if not 0 <= percent <= 100:
        raise ValueError(f"percent must be between 0 and 100, found {percent}")
    if release_id is None or percent == 0:
        return "champion"
    return "challenger" if _position(release_id, key) < percent / 100 * _RANGE else "champion"


def sampled(key: str, rate: float) -> bool:
    """Is this key's prediction logged? A fraction ``rate`` of all keys, always the same ones.

    Independent of :func:`variant`: both variants are logged at the same rate.
    """
    return rate >= 1 or (rate > 0 and _position("prediction log", key) < rate * _RANGE)


def _position(salt: str, key: str) -> int:
    """A place in [0, 2^64), evenly spread; BLAKE2b, because Python's own hash differs from process to process."""
    data = f"{salt}\0{key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")
