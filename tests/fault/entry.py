"""`qx` with one fault in its own process: python -m tests.fault.entry FAULT qx-arguments...

FAULT
  fail:ACTION          the act raises instead of acting
  late:ACTION          the act is done, its answer is lost (Unsure)
  cut:ACTION:A>B       just before the act the link A -> B goes dark (fabric socket from QX_TEST_FABRIC)
  die:N:before|after   SIGKILL to itself before or after the N-th journal entry is durable
  stop:N:after         SIGSTOP to itself after the N-th journal entry is durable
  pause:N:after        the same, with its leases untouched; `pause:N,M:after` twice

Who dies or stops does so at the end of its leases, so that who resumes it need not wait for long.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from qx.adapters.fabric import SetLink, ask
from qx.adapters.sqlite.store import SqliteStore
from qx.cli.main import main
from qx.engine import acts, execute
from qx.kernel.errors import QxError, Unsure

LEASE_S = 0.2  # what is left of the leases of one that dies


def at_action(kind: str, action: str, link: str) -> None:
    """Wraps the lookup of acts, so that every other act stays what it is."""
    real = acts.act_for

    def act_for(wanted: Any, of: str) -> Any:
        act = real(wanted, of)
        return _Faulty(act, kind, link) if type(wanted).__name__ == action else act

    vars(execute)["act_for"] = act_for


class _Faulty:
    def __init__(self, act: Any, kind: str, link: str) -> None:
        self._act, self._kind, self._link = act, kind, link

    async def perform(self, action: Any, doing: Any) -> dict[str, Any]:
        if self._kind == "fail":
            raise QxError("QX-NODE-007", "injected: the act fails")
        if self._kind == "cut":
            source, _, target = self._link.partition(">")
            ask(Path(os.environ["QX_TEST_FABRIC"]), SetLink(source=source, target=target, mode="drop"))
        proof: dict[str, Any] = await self._act.perform(action, doing)
        if self._kind == "late":
            raise Unsure("QX-RUN-002", "injected: the answer is lost")
        return proof

    async def settled(self, action: Any, doing: Any) -> Any:
        return await self._act.settled(action, doing)


def at_entry(numbers: set[int], when: str, sent: signal.Signals, *, ends_leases: bool) -> None:
    """Counts the journal's entries of this process."""
    real, count = SqliteStore.append, 0

    def append(self: SqliteStore, entry: Any) -> Any:
        nonlocal count
        count += 1
        if count in numbers and when == "before":
            strike(self)
        chained = real(self, entry)
        if count in numbers and when == "after":
            strike(self)
        return chained

    def strike(store: SqliteStore) -> None:
        if ends_leases:
            store.renew(store.leases(), LEASE_S)
        os.kill(os.getpid(), sent)

    SqliteStore.append = append  # type: ignore[method-assign]


if __name__ == "__main__":
    fault, *sys.argv[1:] = sys.argv[1:]
    kind, first, *rest = fault.split(":")
    if kind in ("die", "stop", "pause"):
        sent = signal.SIGKILL if kind == "die" else signal.SIGSTOP
        at_entry({int(each) for each in first.split(",")}, rest[0], sent, ends_leases=kind != "pause")
    else:
        at_action(kind, first, rest[0] if rest else "")
    main()
