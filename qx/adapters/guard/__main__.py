"""`python -m qx.adapters.guard`: see the package. Started by a node's control or a supervisor, not by people.

Exit codes: the server's own, 128 and a signal's number when one ended it, 75 when another guard is there.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from qx.adapters.guard.duty import Duty, Term
from qx.adapters.guard.guard import NAME, Guard, Server

_BUSY = 75


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog=NAME)
    parser.add_argument("--socket", type=Path, required=True, help="where it listens")
    parser.add_argument("--memory", type=Path, required=True, help="what it leaves behind; in the socket's directory")
    parser.add_argument("--program", required=True, help="name of the server's program, which ARGV becomes")
    parser.add_argument("--stop", default="SIGTERM", metavar="SIGNAL", help="asks the server for a clean end")
    parser.add_argument("--epoch", type=int, default=0, help="lower ones are refused")
    parser.add_argument("--term", metavar="SENT,UNTIL,MARGIN", help="seconds of CLOCK_BOOTTIME; without: no deadline")
    parser.add_argument("argv", nargs="+", metavar="ARGV", help="the server, in the foreground")
    asked = parser.parse_args(words)
    term = None if asked.term is None else Term(*map(float, asked.term.split(",")))
    Path("/proc/self/comm").write_text(NAME, encoding="ascii")
    os.chdir(asked.memory.parent)
    os.environ.pop("PYTHONPATH", None)  # it was for us, not for the server
    server = Server(tuple(asked.argv), asked.program, signal.Signals[asked.stop])
    try:
        guard = Guard(asked.socket, asked.memory, server, Duty(asked.epoch, term))
    except FileExistsError as error:
        print(f"{NAME}: {error}", file=sys.stderr)  # noqa: T201 - its log
        return _BUSY
    return guard.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
