"""`qx` with one fault in its own process: python -m tests.fault.entry FAULT qx-arguments...

FAULT
  fail:ACTION          the act raises instead of acting
  late:ACTION          the act is done, its answer is lost (Unsure)
  cut:ACTION:A>B       just before the act the link A -> B goes dark (fabric socket from QX_TEST_FABRIC)
  halt:PORT.METHOD     SIGSTOP to itself in the first such call: the lease was looked at, and nothing sent yet
  die:N:before|after   SIGKILL to itself before or after the N-th journal entry is durable
  stop:N:after         SIGSTOP to itself after the N-th journal entry is durable
  pause:N:after        the same, with its leases untouched; `pause:N,M:after` twice

Who dies, stops or halts does so at the end of its leases, so that who resumes it need not wait for long.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from qx.adapters.fabric import SetLink, ask
from qx.adapters.node.local import LocalNode
from qx.adapters.postgres.server import PostgresServer
from qx.adapters.redis.server import RedisNode
from qx.adapters.routes.lab import LabRoute
from qx.adapters.sqlite.store import SqliteStore
from qx.cli.main import main
from qx.engine import acts, execute
from qx.kernel.errors import QxError, Unsure

LEASE_S = 0.2  # what is left of the leases of one that dies


PORTS = {"pg": PostgresServer, "redis": RedisNode, "node": LocalNode, "route": LabRoute}


def strike(store: SqliteStore, sent: signal.Signals, *, ends_leases: bool = True) -> None:
    if ends_leases:
        store.renew(store.leases(), LEASE_S)
    os.kill(os.getpid(), sent)


def at_call(port: str, method: str) -> None:
    kind = PORTS[port]
    real, acquire = getattr(kind, method), SqliteStore.acquire
    stores: list[SqliteStore] = []

    def acquired(self: SqliteStore, *arguments: Any) -> Any:
        stores.append(self)
        return acquire(self, *arguments)

    async def halted(self: Any, *arguments: Any, **named: Any) -> Any:
        if stores:
            strike(stores.pop(), signal.SIGSTOP)
        return await real(self, *arguments, **named)

    setattr(kind, method, halted)
    SqliteStore.acquire = acquired  # type: ignore[method-assign,assignment]


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

    def append(self: SqliteStore, *entries: Any) -> Any:
        nonlocal count
        now = numbers & set(range(count + 1, count + 1 + len(entries)))
        count += len(entries)
        if now and when == "before":
            strike(self, sent, ends_leases=ends_leases)
        chained = real(self, *entries)
        if now and when == "after":
            strike(self, sent, ends_leases=ends_leases)
        return chained

    SqliteStore.append = append  # type: ignore[method-assign]


if __name__ == "__main__":
    fault, *sys.argv[1:] = sys.argv[1:]
    kind, first, *rest = fault.split(":")
    if kind in ("die", "stop", "pause"):
        sent = signal.SIGKILL if kind == "die" else signal.SIGSTOP
        at_entry({int(each) for each in first.split(",")}, rest[0], sent, ends_leases=kind != "pause")
    elif kind == "halt":
        at_call(*first.split("."))
    else:
        at_action(kind, first, rest[0] if rest else "")
    main()
