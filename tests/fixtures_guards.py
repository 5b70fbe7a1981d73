"""What the contract of a guard needs: a server under one, real behind either driver, or simulated."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

from qx.adapters.fabric import short_path
from qx.model.control import Term
from qx.model.platform import LocalControl
from tests.fakes.world import KV, PG, US, SimWorld
from tests.fixtures_nodes import PgSite, RedisSite
from tests.fixtures_servers import freeze, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from qx.model.control import Control
    from qx.ports.controls import NodeControl

T = TypeVar("T")
GENEROUS_S = 30.0


class Rig(Protocol):
    """A stopped server whose control starts it under a guard."""

    @property
    def control(self) -> NodeControl: ...

    @property
    def elapsed(self) -> float:
        """The clock of terms."""

    @property
    def deadline(self) -> float:
        """As its guard has it; there is a term."""

    @property
    def is_far(self) -> bool:
        """Whether a command's way lies between."""

    @property
    def runs(self) -> bool:
        """Whether any process of the server lives: found without the code under test."""

    def run(self, story: Coroutine[Any, Any, T]) -> T: ...

    async def sleep(self, seconds: float) -> None: ...

    def crash(self) -> None:
        """SIGKILL to the server's main process."""

    def kill_guard(self) -> None: ...

    def freeze(self, *, guard: bool) -> None:
        """SIGSTOP to the server, and to its guard."""

    def thaw(self) -> None: ...


def term(rig: Rig, lasts: float, margin: float = 1.0) -> Term:
    """That ends so many seconds from now."""
    return Term(sent=rig.elapsed, ttl=lasts + margin, margin=margin)


def kept(rig: Rig, given: Term) -> float:
    """The deadline that its guard keeps: the term's end; over a command before it, by what the way may have taken."""
    found = rig.deadline
    assert given.until - (rig.elapsed - given.sent if rig.is_far else 0.0) <= found <= given.until
    return found


def connect(path: Path) -> socket.socket:
    """To the guard that listens there."""
    link = socket.socket(socket.AF_UNIX)
    with short_path(path) as name:
        wait_until(lambda: link.connect_ex(name) == 0, "it listens")
    link.settimeout(GENEROUS_S)
    return link


async def gone(rig: Rig, patience_s: float = GENEROUS_S) -> float:
    """Waits until nothing of the server is left; when it was last seen. Looks follow each other by 5 ms, unless whoever
    looks is kept from it: what nobody saw is not held against the guard.
    """
    seen = looked = began = rig.elapsed
    while rig.runs:
        seen = looked
        assert seen - began < patience_s, "the server is still there"
        await rig.sleep(0.005)
        looked = rig.elapsed
    return seen


async def until(rig: Rig, found: Callable[[Control], bool]) -> Control:
    """What the control tells when that is so."""
    began = rig.elapsed
    while not found(seen := await rig.control.inspect(GENEROUS_S)):
        assert rig.elapsed - began < GENEROUS_S, seen
        await rig.sleep(0.02)
    return seen


class RealRig:
    def __init__(self, site: PgSite | RedisSite) -> None:
        site.settings = msgspec.structs.replace(site.settings, guard=True)
        self.site = site
        self._frozen: list[int] = []

    @property
    def settings(self) -> LocalControl:
        return self.site.settings

    @property
    def control(self) -> NodeControl:
        return self.site.control

    @property
    def elapsed(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    @property
    def deadline(self) -> float:
        with connect(self.socket) as link, link.makefile() as answers:
            link.sendall(b'{"do": "status"}\n')
            return float(json.loads(answers.readline())["deadline"])

    @property
    def is_far(self) -> bool:
        return self.site.driver == "command"

    @property
    def runs(self) -> bool:
        return bool(self.site.pids())

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(story)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    @property
    def main(self) -> int:
        return self.site.server.main(self.site.server.pids())[0].number

    @property
    def guard(self) -> int:
        """Its pid: the parent of the server's main process."""
        return int(Path(f"/proc/{self.main}/stat").read_text().rpartition(")")[2].split()[1])

    @property
    def socket(self) -> Path:
        return Path(f"{self.settings.data_dir}.qx.guard.sock")

    def crash(self) -> None:
        os.kill(self.main, signal.SIGKILL)

    def kill_guard(self) -> None:
        os.kill(self.guard, signal.SIGKILL)

    def freeze(self, *, guard: bool) -> None:
        self._frozen = [*self.site.pids(), *([self.guard] if guard else [])]
        freeze(self._frozen)

    def thaw(self) -> None:
        """The server first, so that it has what start it can have; nothing else in between, which another thread of
        the test could hold up.
        """
        for pid in self._frozen:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


class SimRig:
    def __init__(self, kind: str) -> None:
        cluster = PG if kind == "postgresql" else KV
        self._world = SimWorld(1, (cluster,))
        self._node = self._world.node(cluster, US)
        self._node.end_cleanly()
        self._node.guarded = True
        self._process = self._world.process()
        self._control = self._process.control(cluster, US)

    @property
    def control(self) -> NodeControl:
        return self._control

    @property
    def elapsed(self) -> float:
        return self._world.simulation.now

    @property
    def deadline(self) -> float:
        assert self._node.guard is not None
        assert self._node.guard.duty.term is not None
        return self._node.guard.duty.term.until

    @property
    def is_far(self) -> bool:
        return False

    @property
    def runs(self) -> bool:
        return self._node.up

    def run(self, story: Coroutine[Any, Any, T]) -> T:
        return self._world.run(story)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def crash(self) -> None:
        self._node.end_process()

    def kill_guard(self) -> None:
        assert self._node.guard is not None
        self._node.guard.kill()

    def freeze(self, *, guard: bool) -> None:
        self._guard = self._node.guard
        self._node.freeze()
        if guard and self._guard is not None:
            self._guard.freeze()

    def thaw(self) -> None:
        self._node.thaw()
        if self._guard is not None:
            self._guard.thaw()
