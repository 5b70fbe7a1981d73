"""Homing: may a writer that stands away from home go back by policy? Pure.

Home must have followed without a break for the soak, and been well for the delay; a break begins both anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.topology import Cause, Role, Verdict

if TYPE_CHECKING:
    from qx.model.topology import ClusterView
    from qx.model.watching import Returning


def well_since(before: float | None, view: ClusterView, home: str, at: float) -> float | None:
    """Since when (`Clock.elapsed`) home could take the writer back; None: it could not at this look, or has it."""
    node = view.nodes.get(home)
    away = view.writer is not None and view.writer != home and view.verdict is Verdict.HEALTHY
    if node is None or not away:
        return None
    follows = node.role is Role.REPLICA and node.streaming and node.cause is Cause.NONE
    if not follows:
        return None
    return at if before is None else before


def may_return(policy: Returning, since: float | None, at: float) -> bool:
    return policy.enabled and since is not None and at - since >= max(policy.delay, policy.soak)
