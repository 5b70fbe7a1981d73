"""LabRoute: the lab's client endpoint of one cluster. While it is closed new clients wait, at most a few seconds.

The fabric resets every connection of before the change, and answers only then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.adapters.fabric import SetRoute, Show, ask_async
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from qx.adapters.fabric import State


class LabRoute:
    """`nodes`: region -> host:port, as clients reach the cluster's node there. `socket`: the fabric's."""

    def __init__(self, cluster: str, socket: Path, nodes: Mapping[str, str]) -> None:
        self._cluster, self._socket, self._nodes = cluster, socket, nodes

    async def close(self, epoch: int, timeout: float) -> None:
        await ask_async(self._socket, SetRoute(cluster=self._cluster, epoch=epoch, hold=True), timeout)

    async def open(self, epoch: int, region: str, timeout: float) -> None:
        request = SetRoute(cluster=self._cluster, epoch=epoch, target=self._nodes[region])
        await ask_async(self._socket, request, timeout)

    async def target(self, timeout: float) -> str | None:
        address = self._address(await ask_async(self._socket, Show(), timeout))
        return next((region for region, node in self._nodes.items() if node == address), None)

    def _address(self, state: State) -> str | None:
        for route in state.routes:
            if route.cluster == self._cluster:
                return route.target
        raise QxError(
            "QX-ROUTE-001",
            f"the fabric at {self._socket} has no route for {self._cluster}",
            hint="this regions.yaml is not that of the lab that runs: `qx lab status` names it",
        )
