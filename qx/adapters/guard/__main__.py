"""`python -m qx.adapters.guard`: see the package. Started by a node's control or a supervisor, not by people.

Exit codes: the server's own, 128 and a signal's number when one ended it, 75 when another guard is there, 77 when the
node does not let the server start. Under systemd (NOTIFY_SOCKET, WATCHDOG_USEC) it tells that it guards, and feeds the
watchdog; the server knows nothing of either.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from qx.adapters.guard.admission import Admission, NotAdmitted
from qx.adapters.guard.beat import Beat
from qx.adapters.guard.duty import Duty, Term
from qx.adapters.guard.guard import NAME, Guard, Server
from qx.adapters.systemd import Supervisor

_BUSY, _REFUSED = 75, 77
_OURS = ("PYTHONPATH", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # not the server's


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog=NAME)
    parser.add_argument("--socket", type=Path, required=True, help="where it listens")
    parser.add_argument("--memory", type=Path, required=True, help="what it leaves behind; in the socket's directory")
    parser.add_argument("--program", required=True, help="name of the server's program, which ARGV becomes")
    parser.add_argument("--stop", default="SIGTERM", metavar="SIGNAL", help="asks the server for a clean end")
    parser.add_argument("--epoch", type=int, default=0, help="lower ones are refused")
    parser.add_argument("--term", metavar="SENT,UNTIL,MARGIN", help="seconds of CLOCK_BOOTTIME; without: no deadline")
    parser.add_argument("--held", type=Path, help="the node's memory, which may forbid the start; needs --role")
    parser.add_argument("--role", choices=("writer", "replica"), help="what the server comes up as")
    parser.add_argument("argv", nargs="+", metavar="ARGV", help="the server, in the foreground")
    asked = parser.parse_args(words)
    term = None
    if asked.term is not None:
        sent, until, margin = map(float, asked.term.split(","))
        term = Term(sent, until, margin)
    Path("/proc/self/comm").write_text(NAME, encoding="ascii")
    os.chdir(asked.memory.parent)
    beat = Beat(Supervisor(os.environ), int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6)
    for name in _OURS:
        os.environ.pop(name, None)
    server = Server(tuple(asked.argv), asked.program, signal.Signals[asked.stop])
    admission = None if asked.role is None else Admission(asked.held, asked.epoch, asked.role)
    try:
        guard = Guard(asked.socket, asked.memory, server, Duty(asked.epoch, term), beat)
        return guard.run(admission)
    except FileExistsError as error:
        return _said(error, _BUSY)
    except NotAdmitted as error:
        return _said(error, _REFUSED)


def _said(error: Exception, code: int) -> int:
    print(f"{NAME}: {error}", file=sys.stderr)  # noqa: T201 - its log
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
