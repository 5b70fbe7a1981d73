"""Nearby: what the controls of this controller's own region tell, asked now and then, for those who plan elsewhere.

A plan has to know whether a standby's control works, for what it is held and how much room it has: none of that
changes from one second to the next, and asking for it through the store would cost more than all else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.control import Control

EVERY_S, INSPECT_S = 5.0, 2.0


class Nearby:
    def __init__(self, bench: Workbench, region: str) -> None:
        self.told: dict[str, Control] = {}  # by cluster; not of one that does not answer
        self._bench, self._region = bench, region

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            for (cluster, region), control in self._bench.controls.items():
                if region != self._region:
                    continue
                try:
                    self.told[cluster] = await control.inspect(INSPECT_S)
                except QxError:
                    self.told.pop(cluster, None)
            await self._bench.clock.sleep(EVERY_S)
