"""Etcd: a simulated cluster of members in several places, and its client: one shelf, which only a majority can reach.

A member serves whoever reaches it while it reaches the leader, and the leader a majority. A new leader gives everything
that runs out its whole time anew, as etcd does; ends are rounded up to seconds, and come a moment late.
A call blocks its process: for as long as its messages take, or until its deadline when nobody answers. What was heard
and could not be answered is done, and `Unsure`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from enum import StrEnum
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from qx.kernel.errors import QxError, Unsure
from tests.fakes.store import Changes, MemoryStore

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from qx.model.lease import Record
    from tests.fakes.nodes import Network
    from tests.fakes.simulation import Simulation
    from tests.fakes.store import Shelf

TIMEOUT_S = 2.0  # of a call
ELECTION_S = 1.0  # at least
LOOK_S = 0.1
REVOKED_S = 0.5  # at most, after its end
RETRY_S = 0.1  # of a watch that found nobody
WRITES = frozenset((
    "acquire", "seize", "renew", "release", "record_writer", "adopt", "begin", "append", "close", "put", "drop",
    "keep_samples", "set_maintenance", "end_maintenance",
))  # fmt: skip


class Reach(StrEnum):
    ANSWERS = "answers"
    HEARS = "hears"  # and its answer does not come back
    SILENT = "silent"


class Etcd:
    """Members that are down are dead, or stand still."""

    def __init__(self, simulation: Simulation, network: Network, members: tuple[str, ...], shelf: Shelf) -> None:
        self.members = members
        self.leader = members[-1]
        self.elections = 0
        self._down: set[str] = set()
        self._known: dict[str, Reach] = {}  # as long as nothing changes
        self._known_at = -1  # of the network's changes
        self._simulation, self._network, self._shelf = simulation, network, shelf
        self._elects = False
        shelf.lasts = lambda ttl: ceil(ttl) + simulation.random.uniform(0.0, REVOKED_S)
        simulation.every(LOOK_S, self._look)

    def fail(self, member: str) -> None:
        self._down.add(member)
        self._known.clear()

    def mend(self, *members: str) -> None:
        self._down.difference_update(members)
        self._known.clear()

    def reach(self, home: str) -> Reach:
        """What becomes of a question that is asked there now."""
        if self._known_at != self._network.changes:
            self._known_at = self._network.changes
            self._known.clear()
        if home not in self._known:
            self._known[home] = self._reach(home)
        return self._known[home]

    def _reach(self, home: str) -> Reach:
        if not self._carries(self.leader):
            return Reach.SILENT
        serving = [each for each in self.members if self._joins(each, self.leader)]
        hearing = [each for each in serving if self._passes(home, each)]
        if any(self._passes(each, home) for each in hearing):
            return Reach.ANSWERS
        return Reach.HEARS if hearing else Reach.SILENT

    def took(self, home: str) -> float:
        """Seconds, for a question that is answered: a way there and back that packets are not lost on is none."""
        delay = self._network.delay
        return delay.get((home, self.leader), 0.0) + delay.get((self.leader, home), 0.0) if delay else 0.0

    def elect(self) -> None:
        """Another leader, at once, if there can be one."""
        able = [each for each in self.members if self._carries(each)]
        others = [each for each in able if each != self.leader] or able
        if others:
            self.leader = self._simulation.random.choice(others)
            self._known.clear()
            self.elections += 1
            self._shelf.extend()

    def _look(self) -> None:
        if not (self._carries(self.leader) or self._elects):
            self._elects = True
            self._simulation.after(ELECTION_S * self._simulation.random.uniform(1.0, 2.0), self._end_of_term)

    def _end_of_term(self) -> None:
        self._elects = False
        if not self._carries(self.leader):
            self.elect()

    def _carries(self, member: str) -> bool:
        """Does it reach a majority, itself included?"""
        joined = sum(self._joins(member, each) for each in self.members)
        return member not in self._down and 2 * joined > len(self.members)

    def _joins(self, one: str, other: str) -> bool:
        up = not {one, other} & self._down
        return up and (one == other or self._network.joins(one, other))

    def _passes(self, source: str, target: str) -> bool:
        return source == target or self._network.passes(source, target)


class EtcdClient:
    """A store as one process at `home` opened it. `blocks` is told for how long a call kept it."""

    def __init__(self, etcd: Etcd, shelf: Shelf, home: str) -> None:
        self._etcd, self._shelf, self._home = etcd, shelf, home
        self._store = MemoryStore(shelf)
        self.store_id = self._store.store_id
        self.blocks: Callable[[float], None] = lambda _: None

    def __getattr__(self, name: str) -> Any:
        return partial(self._ask, name)

    def _ask(self, name: str, *arguments: Any, **named: Any) -> Any:
        reach = self._etcd.reach(self._home)
        if reach is Reach.ANSWERS:
            self.blocks(self._etcd.took(self._home))
            return getattr(self._store, name)(*arguments, **named)
        self.blocks(TIMEOUT_S)
        if reach is Reach.HEARS and name in WRITES:
            with suppress(QxError):  # nobody hears of it
                getattr(self._store, name)(*arguments, **named)
            raise Unsure("QX-STORE-005", f"etcd was asked to write and did not confirm it within {TIMEOUT_S} s")
        raise QxError("QX-STORE-005", f"etcd did not answer within {TIMEOUT_S} s")

    def still(self) -> MemoryStore:
        """Asked once, as the real one: what is read of it then comes at once."""
        self._ask("leases")
        return self._store

    def changes(self, kinds: tuple[str, ...]) -> Changes:
        return _Watch(self._etcd, self._home, self._shelf, self._store, kinds)


class _Watch(Changes):
    """Tells nothing that does not come through; then it raises, as after a silence."""

    def __init__(self, etcd: Etcd, home: str, shelf: Shelf, store: MemoryStore, kinds: tuple[str, ...]) -> None:
        super().__init__(shelf, partial(self._listed, store), kinds)
        self._etcd, self._home = etcd, home

    def _listed(self, store: MemoryStore, kind: str) -> tuple[Record, ...]:
        if self._etcd.reach(self._home) is not Reach.ANSWERS:
            raise QxError("QX-STORE-005", "the watch broke off")
        return store.records(kind)

    async def follow(self) -> AsyncGenerator[Record, None]:
        if self._etcd.reach(self._home) is not Reach.ANSWERS:
            await asyncio.sleep(TIMEOUT_S)
        async for record in super().follow():
            yield record
