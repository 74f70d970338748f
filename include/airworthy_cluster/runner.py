"""The process above one container: starts it, stamps its log, watches its memory, and writes down how it ended.

Runs as a plain script (``python -I runner.py``), so it costs little and knows nothing of the cluster. It reads one JSON
order from stdin and outlives the cluster that wrote it: whoever comes back finds the exit code in ``exit.json``. Every
descendant stays its descendant, also one that daemonises (``PR_SET_CHILD_SUBREAPER``), and when the container's main
process ends they all end. SIGTERM is passed on to the container's process group; SIGUSR1 kills the whole tree.

An order without content means that the cluster died before it had recorded this runner: then nothing is started.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

import psutil

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
#: How often memory is looked at. A process that allocates faster than this can overshoot its limit for a moment.
CHECK_SECONDS = 0.25
#: A line longer than this is logged in parts, as kubelet does.
LINE_BYTES = 16384
_libc = ctypes.CDLL(None, use_errno=True)


class LogFile:
    """The container's output, each line as ``<RFC 3339 time> <F|P> <text>``; P marks a part of a longer line."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115, PTH123 (open while the runner lives)
        self._rest = b""

    def write(self, data: bytes) -> None:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        stamp = _now().encode()
        out = [stamp + b" F " + line + b"\n" for line in lines]
        while len(self._rest) > LINE_BYTES:
            out.append(stamp + b" P " + self._rest[:LINE_BYTES] + b"\n")
            self._rest = self._rest[LINE_BYTES:]
        # a full disk must not kill the container
        with contextlib.suppress(OSError):
            self._file.write(b"".join(out))

    def close(self) -> None:
        if self._rest:  # no newline at the end, and so none is shown
            with contextlib.suppress(OSError):
                self._file.write(_now().encode() + b" P " + self._rest + b"\n")
        self._file.close()


def _now() -> str:
    nanoseconds = time.time_ns()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // 10**9)) + f".{nanoseconds % 10**9:09d}Z"


def _kill_tree() -> None:
    """SIGKILL to every descendant, until there is none: one may fork while it is being looked for."""
    while alive := [child for child in psutil.Process().children(recursive=True) if not _is_zombie(child)]:
        for child in alive:
            with contextlib.suppress(psutil.Error):
                child.kill()
        _reap()
        time.sleep(0.005)


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _reap() -> dict[int, int]:
    """Exit statuses of the descendants that have ended."""
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = found[1]
            _statuses.update(ended)
    return ended


_statuses: dict[int, int] = {}


def _memory(limit: int) -> int:
    """Bytes the tree uses. Shared pages count once, but that costs more to find out, so only near the limit."""
    tree = psutil.Process().children(recursive=True)
    total = 0
    for process in tree:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    if total <= limit:
        return total
    total = 0
    for process in tree:
        with contextlib.suppress(psutil.Error):
            total += process.memory_full_info().pss
    return total


def _in_child(no_new_privs: bool) -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if no_new_privs:
        _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Run one container to its end.

    Args:
        order: ``argv``, ``cwd``, ``log`` and ``exit`` (paths), ``memory`` (bytes or null), ``no_new_privs``.

    Returns:
        ``exitCode``, ``reason``, ``message``, ``startedAt``, ``finishedAt`` (seconds since the epoch).
    """
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wakeup, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    asked: set[int] = set()
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD):
        signal.signal(number, lambda seen, _frame: asked.add(seen))
    log = LogFile(order["log"])
    output, into = os.pipe()
    started = time.time()
    try:
        main = subprocess.Popen(
            order["argv"], cwd=order["cwd"], stdin=subprocess.DEVNULL, stdout=into, stderr=into, process_group=0,
            preexec_fn=lambda: _in_child(order["no_new_privs"]),
        )  # fmt: skip
    except OSError as error:
        message = f"cannot start {order['argv'][0]!r} in {order['cwd']}: {error.strerror}"
        log.write(message.encode() + b"\n")
        log.close()
        # 128 and StartError: what a container runtime answers here
        return {"exitCode": 128, "reason": "StartError", "message": message, "startedAt": started,
                "finishedAt": time.time()}  # fmt: skip
    os.close(into)
    oom = False
    next_check = time.monotonic()
    while main.pid not in _statuses:
        readable, _, _ = select.select([output, wakeup] if output >= 0 else [wakeup], [], [], CHECK_SECONDS)
        if wakeup in readable:
            os.read(wakeup, 4096)
        if output in readable:
            if data := os.read(output, 1 << 16):
                log.write(data)
            else:
                output = _close(output)
        if signal.SIGTERM in asked:
            asked.discard(signal.SIGTERM)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(main.pid, signal.SIGTERM)
        if signal.SIGUSR1 in asked:
            _kill_tree()
        if order["memory"] and time.monotonic() >= next_check:
            next_check = time.monotonic() + CHECK_SECONDS
            if _memory(order["memory"]) > order["memory"]:
                oom = True
                _kill_tree()
        _reap()
    finished = time.time()
    _kill_tree()
    while output >= 0 and select.select([output], [], [], 1.0)[0]:
        if data := os.read(output, 1 << 16):
            log.write(data)
        else:
            output = _close(output)
    log.close()
    code = os.waitstatus_to_exitcode(_statuses[main.pid])
    code = 128 - code if code < 0 else code
    return {
        "exitCode": 137 if oom else code,
        "reason": "OOMKilled" if oom else "Error" if code else "Completed",
        "message": f"used more than its memory limit of {order['memory']} bytes" if oom else "",
        "startedAt": started,
        "finishedAt": finished,
    }


def _close(descriptor: int) -> int:
    os.close(descriptor)
    return -1


def main() -> None:
    """Read the order, run it, write the result for whoever asks, atomically."""
    if not (text := sys.stdin.read()):
        return
    order = json.loads(text)
    result = run(order)
    temporary = f"{order['exit']}.part"
    with open(temporary, "w") as file:  # noqa: PTH123 (pathlib costs start-up time)
        json.dump(result, file)
    os.replace(temporary, order["exit"])  # noqa: PTH105


if __name__ == "__main__":
    main()
