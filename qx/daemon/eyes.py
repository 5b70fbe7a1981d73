"""Eyes: one look after the other at every node and endpoint, each by itself, so that a silent one delays no other.

Each node keeps one open connection; the moment its server hangs up, the node is looked at again, and `woken` is set.
What was seen last is what counts; it is never older than the interval, one turn and one probe's deadline.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from qx.daemon.turns import Turns
from qx.model.observation import Observation, Silence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.ports.clock import Clock
    from qx.ports.servers import Prober

Key = tuple[str, str]
Seen = "Observation | Silence"


class Eyes:
    """`nodes` by (cluster, region), `endpoints` by (region, name). Seconds."""

    def __init__(
        self,
        nodes: Mapping[Key, Prober],
        endpoints: Mapping[Key, Prober],
        observer: str,
        clock: Clock,
        every: float,
        timeout: float,
    ) -> None:
        self.seen: dict[Key, Observation | Silence] = {}
        self.endpoints_seen: dict[Key, Observation | Silence] = {}
        self.answered: dict[Key, float] = {}  # when each node last answered (`Clock.elapsed`, before it was asked)
        self.looks = 0
        self.woken = asyncio.Event()
        self.alarmed: set[str] = set()  # clusters of which a server hung up since they were last considered
        self._nodes, self._endpoints = nodes, endpoints
        self._observer, self._clock = observer, clock
        self._every, self._timeout = every, timeout
        self._hurry: dict[Key, asyncio.Event] = {key: asyncio.Event() for key in nodes}
        self._turns = Turns()

    def alarm(self, cluster: str, region: str) -> None:
        """The connection to that node ended: look now."""
        self.alarmed.add(cluster)
        self._hurry[cluster, region].set()
        self.woken.set()

    async def watch(self) -> None:
        """Until cancelled. The first looks are spread over the interval."""
        total = len(self._nodes) + len(self._endpoints)
        async with asyncio.TaskGroup() as group:
            for number, (key, prober) in enumerate(self._nodes.items()):
                group.create_task(self._keep_looking(key, prober, self._every * number / total))
            for number, (key, prober) in enumerate(self._endpoints.items(), len(self._nodes)):
                group.create_task(self._keep_asking(key, prober, self._every * number / total))

    async def look(self, cluster: str | None = None, timeout: float | None = None) -> None:
        """At every node of `cluster` at once; None: at all, and at every endpoint."""
        if cluster is not None:  # out of turn
            keys = [key for key in self._nodes if cluster == key[0]]
            await asyncio.gather(*(self._see(key, self._nodes[key], timeout or self._timeout) for key in keys))
            return
        looks = [self._see_in_turn(key, prober, timeout or self._timeout) for key, prober in self._nodes.items()]
        await asyncio.gather(*looks, *(self._ask(key, prober) for key, prober in self._endpoints.items()))

    async def _keep_looking(self, key: Key, prober: Prober, after: float) -> None:
        hurry = self._hurry[key]
        await self._clock.sleep(after)
        while True:
            hurry.clear()
            await self._see_in_turn(key, prober, self._timeout)
            try:
                async with asyncio.timeout(self._every):
                    await hurry.wait()
            except TimeoutError:
                pass

    async def _keep_asking(self, key: Key, prober: Prober, after: float) -> None:
        await self._clock.sleep(after)
        while True:
            await self._ask(key, prober)
            await self._clock.sleep(self._every)

    async def _see_in_turn(self, key: Key, prober: Prober, timeout: float) -> None:
        async with self._turns.one():
            await self._see(key, prober, timeout)

    async def _see(self, key: Key, prober: Prober, timeout: float) -> None:
        asked = self._clock.elapsed()
        self.seen[key] = seen = await self._bounded(key, prober, timeout)
        if isinstance(seen, Observation):
            self.answered[key] = asked
            self._turns.answered(seen.took_s)

    async def _ask(self, key: Key, prober: Prober) -> None:
        region, name = key
        self.endpoints_seen[key] = await self._bounded((name, region), prober, self._timeout)

    async def _bounded(self, key: Key, prober: Prober, timeout: float) -> Observation | Silence:
        """Every probe keeps its own deadline; one that does not counts as silent."""
        self.looks += 1
        try:
            async with asyncio.timeout(timeout + 0.5):
                return await prober.observe(timeout)
        except TimeoutError:
            subject, region = key
            return Silence(
                subject=subject, region=region, observer=self._observer, at=self._clock.now(),
                reason="timeout", detail="the probe did not keep its deadline",
            )
