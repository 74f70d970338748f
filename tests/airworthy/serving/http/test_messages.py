"""Bodies are bounded in size and in time, however they are sent."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import httpx
from serving_parts import FAST, HEADERS, PREDICT, FakeRegistry, build, error_of, predict, running


def test_a_body_that_is_too_large_is_refused_and_the_next_is_answered(served: httpx.Client) -> None:
    large = b'{"instances": [' + b" " * FAST.max_body_bytes + b"]}"
    assert error_of(served.post(PREDICT, content=large), 413)["code"] == "too_large"
    chunks = (large[at : at + 65536] for at in range(0, len(large), 65536))  # no content-length
    assert error_of(served.post(PREDICT, content=chunks), 413)["code"] == "too_large"
    assert predict(served, ["still well"])


def test_a_body_that_does_not_arrive_is_refused_and_the_connection_closed(tmp_path: Path) -> None:
    options = replace(FAST, body_seconds=0.1)
    with running(build(tmp_path, FakeRegistry(tmp_path / "registry"), options)[0]) as client:
        url = client.base_url
        with socket.create_connection((url.host, url.port), timeout=10) as slow:
            head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nAuthorization: {HEADERS['Authorization']}\r\n"
            # a part of it, so that the service waits for the rest
            slow.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            answer = b""
            while part := slow.recv(65536):
                answer += part
    assert answer.startswith(b"HTTP/1.1 408") and b"too_slow" in answer
    assert b"connection: close" in answer.lower()
