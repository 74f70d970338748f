"""Files that only their owner may read: tokens, keys, objects, passwords."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only from the first moment on.

    Args:
        path: the file; its folder is made (0700) if it is not there.
        text: its content; surrogate escapes become the bytes that they stand for.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)  # of a process with this id that was killed while it wrote
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text.encode(errors="surrogateescape"))
    draft.replace(path)
