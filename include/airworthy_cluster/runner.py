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
from collections.abc import Callable
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


class Descendants:
    """Everything that this process has started and that still lives, however far down."""

    def __init__(self) -> None:
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # else one that daemonises would become init's
        self.statuses: dict[int, int] = {}

    def reap(self) -> None:
        """Take note of those that have ended."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                self.statuses[found[0]] = found[1]

    def kill(self) -> None:
        """SIGKILL to every one, until there is none: one may fork while it is being looked for."""
        while alive := [child for child in self._tree() if not _is_zombie(child)]:
            for child in alive:
                with contextlib.suppress(psutil.Error):
                    child.kill()
            self.reap()
            time.sleep(0.005)

    def use_more_than(self, limit: int) -> bool:
        """Whether they use more than ``limit`` bytes together.

        Shared pages count once, but that costs more to find out, so only near the limit.
        """
        tree = self._tree()
        return _sum(tree, lambda process: process.memory_info().rss) > limit and (
            _sum(tree, lambda process: process.memory_full_info().pss) > limit
        )

    def _tree(self) -> list[psutil.Process]:
        return psutil.Process().children(recursive=True)


def _sum(processes: list[psutil.Process], measure: Callable[[psutil.Process], int]) -> int:
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += measure(process)
    return total


def _is_zombie(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


class Signals:
    """SIGTERM, SIGUSR1 and SIGCHLD: they wake whoever waits for ``wakeup`` to be readable, and are acted on then."""

    def __init__(self) -> None:
        self.wakeup, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._received: set[int] = set()
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(number, lambda seen, _frame: self._received.add(seen))

    def take(self, number: int) -> bool:
        """Whether the signal has come since it was last asked for."""
        if number not in self._received:
            return False
        self._received.discard(number)
        return True


class Output:
    """The pipe from the container to its log; ``writer`` is the container's end."""

    def __init__(self, log: LogFile) -> None:
        self._log = log
        reader, self.writer = os.pipe()
        #: What ``select`` waits for: this end while there is somebody at the other.
        self.readers = [reader]

    def copy(self) -> None:
        """What has come goes to the log; to be called when there is something, or the other end was closed."""
        if data := os.read(self.readers[0], 1 << 16):
            self._log.write(data)
        else:
            os.close(self.readers.pop())

    def drain(self) -> None:
        """Copy what is still in the pipe, and end the log."""
        while self.readers and select.select(self.readers, [], [], 1.0)[0]:
            self.copy()
        self._log.close()


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
    descendants, signals, log = Descendants(), Signals(), LogFile(order["log"])
    output = Output(log)
    started = time.time()
    try:
        container = subprocess.Popen(
            order["argv"], cwd=order["cwd"], stdin=subprocess.DEVNULL, stdout=output.writer, stderr=output.writer,
            process_group=0, preexec_fn=lambda: _in_child(order["no_new_privs"]),
        )  # fmt: skip
    except OSError as error:
        message = f"cannot start {order['argv'][0]!r} in {order['cwd']}: {error.strerror}"
        log.write(message.encode() + b"\n")
        log.close()
        # 128 and StartError: what a container runtime answers here
        return _result(128, "StartError", message, started, time.time())
    os.close(output.writer)
    oom = _watch(container.pid, order["memory"], descendants, signals, output)
    finished = time.time()
    descendants.kill()
    output.drain()
    if oom:
        message = f"used more than its memory limit of {order['memory']} bytes"
        return _result(137, "OOMKilled", message, started, finished)
    code = os.waitstatus_to_exitcode(descendants.statuses[container.pid])
    code = 128 - code if code < 0 else code  # a signal's number, as a shell gives it
    return _result(code, "Error" if code else "Completed", "", started, finished)


def _watch(pid: int, memory: int | None, descendants: Descendants, signals: Signals, output: Output) -> bool:
    """Copy output, pass on signals and look at memory until the container's main process has ended.

    Returns:
        Whether it was killed for using more than ``memory`` bytes.
    """
    oom = False
    next_check = time.monotonic()
    while pid not in descendants.statuses:
        readable, _, _ = select.select([*output.readers, signals.wakeup], [], [], CHECK_SECONDS)
        if signals.wakeup in readable:
            os.read(signals.wakeup, 4096)
        if output.readers and output.readers[0] in readable:
            output.copy()
        if signals.take(signal.SIGTERM):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)
        if signals.take(signal.SIGUSR1):
            descendants.kill()
        if memory and time.monotonic() >= next_check:
            next_check = time.monotonic() + CHECK_SECONDS
            if descendants.use_more_than(memory):
                oom = True
                descendants.kill()
        descendants.reap()
    return oom


def _result(code: int, reason: str, message: str, started: float, finished: float) -> dict[str, Any]:
    return {"exitCode": code, "reason": reason, "message": message, "startedAt": started, "finishedAt": finished}


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
