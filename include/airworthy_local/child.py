"""Becomes one process of the stack, after ending what a killed predecessor of the same name has left.

``python -m airworthy_local.child COMMAND...``, with the stack's marks in the environment. A scheduler killed with -9
leaves executor workers and their tasks; `mlflow server` leaves the web server that holds the port. The supervisor
would start the next one beside them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from airworthy_cluster.processes import descendants, end
from airworthy_local.processes import PROCESS_MARK, STACK_MARK, marked


def main() -> None:
    home, name = Path(os.environ[STACK_MARK]), os.environ[PROCESS_MARK]
    left = descendants(marked(home, name))
    if left:
        print(f"{name}: ending {len(left)} processes that its predecessor left", flush=True)
        end(left, grace_seconds=2)
    command = sys.argv[1:]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
