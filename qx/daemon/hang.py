"""Hang watch: makes true that a writer of this controller's own region is gone, when it runs and answers nobody.

Where each region has a controller, nobody else can prove it in time: the lease of a server that hangs is extended like
any other's. After `watch.hang.after` without an answer, the last half second of it asked beside the server, it is
killed and RELEASED; whoever leads may promote at once. If nobody does, it is started as the writer again.
Never: kills under maintenance, in distrust of itself, or where no standby could take its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.config.profiles import Watch
    from qx.daemon.beside import Beside, Held
    from qx.daemon.eyes import Eyes
    from qx.daemon.log import Log
    from qx.daemon.trust import Trust

LOOK_S = 0.1
ANSWER_S = 0.5  # within which any server says something to a neighbour


class Hang:
    def __init__(
        self, bench: Workbench, watch: Watch, eyes: Eyes, beside: Beside, trust: Trust, log: Log
    ) -> None:
        self._bench, self._watch, self._eyes, self._beside = bench, watch, eyes, beside
        self._trust, self._log = trust, log

    async def mind(self) -> None:
        """Until cancelled."""
        while True:
            for held in self._beside.held:
                try:
                    if self._silent(held) >= self._watch.hang_after - ANSWER_S and await self._hangs(held):
                        await self._release(held)
                except QxError as error:
                    self._log.tell("error", cluster=held.grant.cluster, code=error.code, message=error.message)
            await self._bench.clock.sleep(LOOK_S)

    def _silent(self, held: Held) -> float:
        """Seconds since it last answered; 0 where it never did."""
        answered = self._eyes.answered.get((held.grant.cluster, held.grant.region))
        return 0.0 if answered is None else self._bench.clock.elapsed() - answered

    async def _hangs(self, held: Held) -> bool:
        control = self._bench.controls[held.grant.cluster, held.grant.region]
        if await control.answers(ANSWER_S) or not (await control.inspect(ANSWER_S)).running:
            return False
        return self._silent(held) >= self._watch.hang_after and self._trust.feel() == 0

    async def _release(self, held: Held) -> None:
        name, region, now = held.grant.cluster, held.grant.region, self._bench.clock.now()
        scopes = {"*", name, region}
        if not any(each.scope in scopes for each in self._bench.store.maintenance(now)):
            await self._beside.release(held, f"its process ran and answered nobody for {self._silent(held):.1f} s")
