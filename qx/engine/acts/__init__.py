"""One act per action and kind: how an action is done through the ports, and how to see whether it was done.

Contract of every act: `perform` is idempotent (done twice it ends in the same state), returns a proof
(positions, ids, timelines; JSON types; no secret), raises QxError when it was not done and Unsure when that is
not known. `settled` only looks.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model.plan import Action


class Settled(NamedTuple):
    """What an observation says of an act: `done`, and what was seen."""

    done: bool
    proof: dict[str, Any]


class Act(Protocol):
    async def perform(self, action: Any, doing: Doing) -> dict[str, Any]: ...

    async def settled(self, action: Any, doing: Doing) -> Settled | None:
        """None: what is seen does not tell."""


_WHERE = {
    "Recheck": "checks",
    "Verify": "checks",
    "CloseRoute": "routing",
    "OpenRoute": "routing",
    "Prepare": "preparing",
    "Unprepare": "preparing",
    "Checkpoint": "preparing",
    "Fence": "fencing",
    "Unfence": "releasing",
    "Hold": "fencing",
    "Unhold": "releasing",
    "Attest": "fencing",
    "Proven": "proving",
    "Contain": "fencing",
    "Pin": "fencing",
    "Unpin": "releasing",
    "FastForward": "forwarding",
    "Freeze": "draining",
    "Unfreeze": "draining",
    "Drain": "draining",
    "Bind": "binding",
    "Unbind": "binding",
    "Narrow": "binding",
    "Promote": "promoting",
    "Settle": "handing",
    "Handover": "handing",
    "Mark": "promoting",
    "Follow": "joining",
    "Return": "joining",
    "Salvage": "resyncing",
    "Resync": "resyncing",
    "Subplan": "moving",
    "Sql": "asking",
    "RedisCommand": "asking",
    "HttpCall": "asking",
    "Command": "asking",
    "Approve": "consenting",
    "WaitUntil": "consenting",
    "Notify": "consenting",
    "Maintain": "consenting",
}


def act_for(action: Action, kind: str) -> Act:
    """The act for this action on a cluster of this kind: class `<Kind><Action>` where kinds differ, else `<Action>`."""
    name = type(action).__name__
    module = import_module(f"qx.engine.acts.{_WHERE[name]}")
    prefix = {"postgresql": "Pg", "redis": "Redis"}.get(kind)
    own: type[Act] | None = getattr(module, prefix + name, None) if prefix else None
    found: type[Act] = own or getattr(module, name)
    return found()
