"""Close and open every route of a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import plan


class CloseRoute:
    async def perform(self, action: plan.CloseRoute, doing: Doing) -> dict[str, Any]:
        for route in doing.world.routes(action.cluster):
            await route.close(doing.epoch, doing.timeout)
        return {"closed": len(doing.world.routes(action.cluster))}

    async def settled(self, action: plan.CloseRoute, doing: Doing) -> Settled | None:
        targets = [await route.target(doing.timeout) for route in doing.world.routes(action.cluster)]
        return Settled(all(target is None for target in targets), {})


class OpenRoute:
    async def perform(self, action: plan.OpenRoute, doing: Doing) -> dict[str, Any]:
        for route in doing.world.routes(action.cluster):
            await route.open(doing.epoch, action.region, doing.timeout)
        return {"open": action.region}

    async def settled(self, action: plan.OpenRoute, doing: Doing) -> Settled | None:
        targets = [await route.target(doing.timeout) for route in doing.world.routes(action.cluster)]
        return Settled(all(target == action.region for target in targets), {})
