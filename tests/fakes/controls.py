"""SimPgControl, SimRedisControl and SimRoute: the ports beside the servers, as one process reaches them.

Each verb ends by its deadline; a stop that does not end in time goes on by itself, as a real one does.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from qx.kernel.errors import QxError, Unsure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.model.control import Control, Term
    from tests.fakes.clusters import Group
    from tests.fakes.nodes import Node
    from tests.fakes.postgres import PgNode
    from tests.fakes.process import Process
    from tests.fakes.redis import RedisNode

T = TypeVar("T")
POLL_S = 0.005
KILL_S = 0.01
ROUTER = "router"  # where routes are set, as the network knows it


class _Control:
    def __init__(self, process: Process, node: PgNode | RedisNode) -> None:
        self._process, self._of = process, node

    async def _do(self, verb: str, timeout: float, work: Callable[[], Awaitable[T]]) -> T:
        node = self._of

        async def sent() -> T:
            await self._reach(timeout)
            return await work()

        return await self._process.call("control", (node.cluster, node.region), verb, timeout, sent)

    async def _reach(self, timeout: float) -> None:
        world, node, home = self._process.world, self._of, self._process.home
        unreachable = (node.cluster, node.region) in world.unreachable_controls or node.dark
        if unreachable or not world.network.joins(home, node.region):
            await asyncio.sleep(timeout)
            raise QxError("QX-NODE-001", f"the control of {node} cannot be reached")
        wait = world.network.hop(home, node.region) + world.network.hop(node.region, home) + node.control_delay
        if wait >= timeout:
            await asyncio.sleep(timeout)
            raise Unsure("QX-RUN-002", f"the control of {node} did not answer within {timeout:.2f} s")
        await asyncio.sleep(wait)
        self._process.check_alive()

    def _act(self, epoch: int) -> None:
        self._of.act_under(epoch)
        self._process.world.groups[self._of.cluster].acted(str(self._of), epoch)
        self._process.did(f"control of {self._of}")

    async def inspect(self, timeout: float) -> Control:
        async def work() -> Control:
            return self._of.control()

        return await self._do("inspect", timeout, work)

    async def answers(self, timeout: float) -> bool:
        async def work() -> bool:
            if self._of.frozen:
                await asyncio.sleep(timeout)
            return self._of.up and not self._of.frozen

        return await self._do("answers", timeout + 1, work)

    async def hold(self, epoch: int, purpose: Literal["standby", "stop", ""], timeout: float) -> None:
        async def work() -> None:
            self._act(epoch)
            self._of.held_for = purpose

        await self._do("hold", timeout, work)

    async def stop(self, epoch: int, mode: Literal["clean", "kill"], timeout: float) -> Control:
        async def work() -> Control:
            self._act(epoch)
            if mode == "kill":
                await asyncio.sleep(KILL_S)
                self._of.end_process()
            else:
                self._of.when_awake(self._of.begin_stop)
                await self._until(lambda: not self._of.up, timeout - 0.05, "QX-NODE-003", "is not stopped")
            return self._of.control()

        return await self._do(f"stop {mode}", timeout, work)

    async def start(
        self, epoch: int, role: Literal["writer", "replica"], timeout: float, term: Term | None = None
    ) -> Control:
        async def work() -> Control:
            node = self._of
            self._act(epoch)
            if not node.up:
                node.check_start(role, comes_up_as=self._comes_up_as())
                node.begin_start()
                node.take_guard(epoch, term)
            elif node.may_write is not (role == "writer"):
                raise QxError("QX-NODE-004", f"{node} runs already in another role")
            elif term is not None:
                self._extend(epoch, term)
            await self._until(lambda: node.serves, timeout - 0.05, "QX-NODE-004", "takes no connections")
            return node.control()

        return await self._do(f"start {role}", timeout, work)

    async def extend(self, epoch: int, term: Term | None, timeout: float) -> str:
        async def work() -> str:
            self._act(epoch)
            if self._of.guard is not None and self._of.guard.frozen:
                await asyncio.sleep(timeout)
                raise Unsure("QX-RUN-002", f"{self._of}: its guard did not answer")
            return self._extend(epoch, term)

        return await self._do("extend", timeout, work)

    def _extend(self, epoch: int, term: Term | None) -> str:
        if self._of.guard is None:
            raise QxError("QX-NODE-011", f"{self._of}: no guard")
        return self._of.guard.extend(epoch, term)

    def _comes_up_as(self) -> str:
        raise NotImplementedError

    async def _until(self, condition: Callable[[], bool], timeout: float, code: str, words: str) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        while not condition():
            if loop.time() >= until:
                raise QxError(code, f"{self._of} {words} after {timeout:.2f} s")
            await asyncio.sleep(POLL_S)

    def _must_be_stopped(self, node: Node) -> None:
        if node.up:
            raise QxError("QX-NODE-006", f"{node} runs")


class SimPgControl(_Control):
    def __init__(self, process: Process, node: PgNode) -> None:
        super().__init__(process, node)
        self._node = node

    def _comes_up_as(self) -> str:
        return "replica" if self._node.signal else "writer"

    async def pin(self, epoch: int, upstream: str, timeout: float) -> None:
        async def work() -> None:
            self._act(epoch)
            self._node.signal = True
            self._node.conninfo = upstream or self._node.conninfo

        await self._do("pin", timeout, work)

    async def unpin(self, epoch: int, timeout: float) -> None:
        async def work() -> None:
            self._act(epoch)
            self._node.signal = False

        await self._do("unpin", timeout, work)

    async def follow(self, epoch: int, conninfo: str, slot: str, timeout: float) -> None:
        async def work() -> None:
            self._act(epoch)
            self._must_be_stopped(self._node)
            self._node.signal, self._node.conninfo, self._node.slot = True, conninfo, slot

        await self._do("follow", timeout, work)

    async def salvage(
        self, epoch: int, fork: int, timeline: int, into: str, fork_xid: int, timeout: float
    ) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            self._act(epoch)
            self._must_be_stopped(self._node)
            kept = [record for record in self._node.log if record.end > fork]
            self._node.group.salvaged.update(map(id, kept))
            writes = [record for record in kept if record.write is not None]
            beyond = max(0, self._node.end - fork)
            return {"diverged": bool(kept), "commits": len(writes), "bytes": beyond, "into": into}

        return await self._do("salvage", timeout, work)

    async def rewind(self, epoch: int, conninfo: str, timeout: float) -> dict[str, Any]:
        """As pg_rewind: what stands on the same timeline number is taken for the same history."""

        async def work() -> dict[str, Any]:
            upstream = self._source(epoch, conninfo)
            if upstream.checkpoint_timeline == self._node.timeline:
                return {"rewound": False}
            self._node.take_over_data_of(upstream)
            return {"rewound": True}

        return await self._do("rewind", timeout, work)

    async def clone(self, epoch: int, conninfo: str, slot: str, timeout: float) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            upstream = self._source(epoch, conninfo)
            self._node.take_over_data_of(upstream)
            return {"cloned": True}

        return await self._do("clone", timeout, work)

    def _source(self, epoch: int, conninfo: str) -> PgNode:
        self._act(epoch)
        self._must_be_stopped(self._node)
        before, self._node.conninfo = self._node.conninfo, conninfo
        upstream = self._node._upstream()
        self._node.conninfo = before
        if upstream is None or not upstream.serves:
            raise QxError("QX-NODE-006", f"{self._node}: the upstream does not answer")
        return upstream


class SimRedisControl(_Control):
    def __init__(self, process: Process, node: RedisNode) -> None:
        super().__init__(process, node)
        self._node = node

    def _comes_up_as(self) -> str:
        return "replica" if self._node.file_upstream else "writer"

    async def pin(self, epoch: int, upstream: str, timeout: float) -> None:
        async def work() -> None:
            self._act(epoch)
            self._node.file_upstream = upstream

        await self._do("pin", timeout, work)

    async def unpin(self, epoch: int, timeout: float) -> None:
        await self.pin(epoch, "", timeout)

    async def follow(self, epoch: int, conninfo: str, slot: str, timeout: float) -> None:
        await self.pin(epoch, conninfo, timeout)

    async def salvage(
        self, epoch: int, fork: int, timeline: int, into: str, fork_xid: int, timeout: float
    ) -> dict[str, Any]:
        async def work() -> dict[str, Any]:
            self._act(epoch)
            self._must_be_stopped(self._node)
            self._node.group.salvaged.update(map(id, self._node.log))
            return {"diverged": None, "into": into}

        return await self._do("salvage", timeout, work)

    async def rewind(self, epoch: int, conninfo: str, timeout: float) -> dict[str, Any]:
        raise QxError("QX-NODE-006", "Redis cannot rewind")

    async def clone(self, epoch: int, conninfo: str, slot: str, timeout: float) -> dict[str, Any]:
        return {}


class SimRoute:
    def __init__(self, process: Process, group: Group) -> None:
        self._process, self._group = process, group

    async def _do(self, verb: str, timeout: float, work: Callable[[], T]) -> T:
        async def sent() -> T:
            await asyncio.sleep(self._process.world.network.hop(self._process.home, ROUTER))
            self._process.check_alive()
            return work()

        return await self._process.call("route", (self._group.name, ""), verb, timeout, sent)

    async def close(self, epoch: int, timeout: float) -> None:
        await self._do("close", timeout, lambda: self._set(epoch, None))

    async def open(self, epoch: int, region: str, timeout: float) -> None:
        await self._do("open", timeout, lambda: self._set(epoch, region))

    def _set(self, epoch: int, region: str | None) -> None:
        self._group.set_route(epoch, region)
        self._group.acted("the route", epoch)
        self._process.did(f"route of {self._group.name}")

    async def target(self, timeout: float) -> str | None:
        return await self._do("target", timeout, lambda: self._group.route)
