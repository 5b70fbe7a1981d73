"""SimPgServer and SimRedisServer: the ports `qx.ports.servers` over simulated nodes, as one process reaches them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from qx.kernel.errors import QxError, Refused, Unsure
from qx.model.observation import Observation, Silence
from tests.fakes.postgres import FIRST_PID

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.observation import Marker, PgFacts, Reason, RedisFacts
    from tests.fakes.lines import Line
    from tests.fakes.nodes import Node
    from tests.fakes.postgres import PgNode
    from tests.fakes.process import Process
    from tests.fakes.redis import RedisNode

MARK_BYTES = 0x60


class _Server:
    def __init__(self, process: Process, line: Line, node: Node) -> None:
        self._process, self._line = process, line
        self._of = node

    async def _ask(
        self, verb: str, timeout: float, work: Callable[[Callable[[Any], None]], None], *, harmless: bool = False
    ) -> Any:
        node = self._of

        async def sent() -> Any:
            return await self._line.ask(timeout, work, harmless=harmless)

        return await self._process.call("sql", (node.cluster, node.region), verb, timeout, sent)

    async def _do(self, verb: str, timeout: float, work: Callable[[], Any], *, harmless: bool = False) -> Any:
        """Work that the server does at once."""
        return await self._ask(verb, timeout, lambda reply: reply(work()), harmless=harmless)

    async def _observe(self, timeout: float, look: Callable[[], PgFacts | RedisFacts]) -> Observation | Silence:
        node, clock = self._of, self._process.clock
        began = clock.elapsed()
        try:
            facts = await self._do("observe", timeout, look, harmless=True)
        except QxError as error:
            reason: Reason = "timeout" if isinstance(error, Unsure) or "reached" in error.message else "refused"
            if reason == "refused" and node.up:
                reason = "starting"
            return Silence(
                subject=node.cluster,
                region=node.region,
                observer="qx",
                at=clock.now(),
                reason=reason,
                detail=error.message,
            )
        return Observation(
            subject=node.cluster,
            region=node.region,
            observer="qx",
            at=clock.now(),
            took_s=clock.elapsed() - began,
            facts=facts,
        )

    async def heartbeat(self, timeout: float) -> None:
        def beat() -> None:
            if not self._of.accepts:
                raise QxError("QX-NODE-007", f"{self._of}: cannot execute in a read-only transaction")
            self._of.append(MARK_BYTES)

        await self._do("heartbeat", timeout, beat, harmless=True)

    async def _write_marker(self, marker: Marker, timeout: float, *, force: bool) -> None:
        node, group = self._of, self._process.world.groups[self._of.cluster]

        def write() -> None:
            if not node.accepts:
                raise QxError("QX-NODE-007", f"{node}: cannot execute in a read-only transaction")
            known = group.marker(node, len(node.log))
            if known is not None and known.store_id != marker.store_id and not force:
                raise Refused("QX-STORE-003", f"{node} belongs to store {known.store_id}")
            if known is not None and known.epoch > marker.epoch:
                raise Refused("QX-STORE-006", f"{node} has seen epoch {known.epoch}")
            group.marked(node.append(MARK_BYTES, marker=marker, xids=1))

        await self._do("write_marker", timeout, write)

    async def expel(self, below_epoch: int, timeout: float) -> int:
        expelled: int = await self._do("expel", timeout, lambda: self._of.expel(below_epoch), harmless=True)
        return expelled

    async def close(self) -> None:
        self._line.close()


class SimPgServer(_Server):
    def __init__(self, process: Process, line: Line, node: PgNode) -> None:
        super().__init__(process, line, node)
        self._node = node

    async def observe(self, timeout: float) -> Observation | Silence:
        return await self._observe(timeout, self._node.facts)

    async def checkpoint(self, timeout: float) -> None:
        def work() -> None:
            if not self._node.recovery:
                self._node.checkpoint, self._node.checkpoint_timeline = self._node.end, self._node.timeline

        await self._do("checkpoint", timeout, work)

    async def create_slots(self, names: tuple[str, ...], timeout: float) -> tuple[str, ...]:
        def work() -> tuple[str, ...]:
            new = tuple(name for name in names if name not in self._node.slots)
            self._node.slots.update(new)
            return new

        created: tuple[str, ...] = await self._do("create_slots", timeout, work)
        return created

    async def drop_slots(self, names: tuple[str, ...], timeout: float) -> None:
        def work() -> None:
            used = {standby.slot for standby in self._node.standbys}
            self._node.slots -= set(names) - used

        await self._do("drop_slots", timeout, work)

    async def end_senders(self, pids: tuple[int, ...], timeout: float) -> None:
        def work() -> None:
            for pid, node in enumerate(self._node.group.postgres, FIRST_PID):
                if pid in pids and node in self._node.standbys:
                    node.stream = None

        await self._do("end_senders", timeout, work)

    async def alter_system(self, settings: dict[str, str | None], timeout: float) -> None:
        def work() -> None:
            self._node.conninfo = settings.get("primary_conninfo", self._node.conninfo) or ""
            self._node.slot = settings.get("primary_slot_name", self._node.slot) or ""
            self._node.retry_interval = (settings.get("wal_retrieve_retry_interval") or "200ms").removesuffix("ms")

        await self._do("alter_system", timeout, work)

    async def set_synchronous(self, names: str, timeout: float) -> None:
        """Its clients do not wait: the simulated clusters replicate asynchronously."""
        await self._do("set_synchronous", timeout, lambda: None)

    async def replayed(self, timeout: float) -> tuple[int, int]:
        def work() -> tuple[int, int]:
            facts = self._node.facts()
            return facts.replayed, facts.timeline

        seen: tuple[int, int] = await self._do("replayed", timeout, work, harmless=True)
        return seen

    async def promote(self, timeout: float) -> int:
        epoch = self._line.epoch
        timeline: int = await self._ask("promote", timeout, lambda reply: self._node.begin_promotion(epoch, reply))
        return timeline

    async def history(self, timeline: int, timeout: float) -> tuple[tuple[int, int], ...]:
        known: tuple[tuple[int, int], ...] = await self._do(
            "history", timeout, lambda: tuple(each for each in self._node.history if each[0] < timeline), harmless=True
        )
        return known

    async def write_marker(self, marker: Marker, timeout: float, *, force: bool = False) -> None:
        await self._write_marker(marker, timeout, force=force)

    async def write_probe(self, timeout: float) -> int:
        end: int = await self._do("write_probe", timeout, lambda: self._node.append(MARK_BYTES, xids=1).end)
        return end


class SimRedisServer(_Server):
    def __init__(self, process: Process, line: Line, node: RedisNode) -> None:
        super().__init__(process, line, node)
        self._node = node

    async def observe(self, timeout: float) -> Observation | Silence:
        return await self._observe(timeout, self._node.facts)

    async def replicate(self, upstream: str | None, timeout: float) -> None:
        epoch = self._line.epoch
        await self._do("replicate", timeout, lambda: self._node.replicate(upstream, epoch))

    async def relink(self, timeout: float) -> None:
        def work() -> None:
            self._node.attached = None

        await self._do("relink", timeout, work)

    async def handover(self, address: str, timeout: float) -> None:
        epoch = self._line.epoch

        def work(reply: Callable[[Any], None]) -> None:
            self._node.begin_failover(address, max(0.05, timeout - 0.25), epoch, reply)

        if not await self._ask("handover", timeout, work):
            raise QxError("QX-NODE-007", f"{self._node}: the failover timed out and was rolled back")

    async def settle_replicas(self, count: int, timeout: float) -> int:
        began = asyncio.get_running_loop().time()
        record = await self._do("settle_replicas", timeout, lambda: self._node.append(MARK_BYTES))
        while (found := sum(n.holds(record) for n in self._node.replicas)) < count:
            if asyncio.get_running_loop().time() - began > timeout:
                break
            await asyncio.sleep(0.005)
        return found

    async def acknowledgement(self, address: str, timeout: float) -> float | None:
        await self._do("acknowledgement", timeout, lambda: self._node.append(MARK_BYTES))
        return asyncio.get_running_loop().time()

    async def configure(self, settings: dict[str, str], timeout: float) -> None:
        def work() -> None:
            if "replica-announce-ip" in settings:
                self._node.announce = f"{settings['replica-announce-ip']}:{settings['replica-announce-port']}"
            self._node.min_replicas = int(settings.get("min-replicas-to-write", self._node.min_replicas))

        await self._do("configure", timeout, work)

    async def persist(self, timeout: float) -> None:
        def work() -> None:
            self._node.file_upstream = self._node.upstream if self._node.role == "replica" else ""

        await self._do("persist", timeout, work)

    async def save(self, timeout: float) -> None:
        await self._do("save", timeout, lambda: None)

    async def write_marker(self, marker: Marker, timeout: float, *, force: bool = False) -> None:
        await self._write_marker(marker, timeout, force=force)
