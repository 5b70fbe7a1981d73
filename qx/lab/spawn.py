"""Starting the lab's own programs so that they outlive us: own session, output to a file, no child to await."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import qx
from qx.adapters.node.processes import Pid, identify
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Mapping


def spawn(module: str, *arguments: str, log: Path, env: Mapping[str, str] | None = None) -> Pid:
    """`python -m module arguments`, the same Python and the same qx as ours. It may not be ready yet.

    `env`: beside our own environment.
    """
    package = str(Path(qx.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    return run((sys.executable, "-m", module, *arguments), log, {"PYTHONPATH": path, **(env or {})})


def run(argv: tuple[str, ...], log: Path, env: Mapping[str, str]) -> Pid:
    """The program, with `env` beside our own environment."""
    number = os.posix_spawn(
        argv[0],
        argv,
        {**os.environ, **env},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    pid = identify(number)
    if pid is None:
        what = " ".join(argv[:3])
        raise QxError("QX-LAB-004", f"{what} ended at once: {log.read_text()}", hint="run it by hand to see why")
    return pid
