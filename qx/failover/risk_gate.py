"""Gate `risk`: nothing is moved while a portfolio is above its limits, or nobody knows whether it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.move import no, yes
from qx.kernel.spans import format_seconds

if TYPE_CHECKING:
    from qx.failover.move import Move
    from qx.failover.situation import Situation
    from qx.model.plan import GateResult
    from qx.model.risk_limits import RiskStanding
    from qx.model.watching import RiskGate


def risk(at: Situation, move: Move) -> GateResult:
    """No portfolio that `watch.risk` names for the cluster is above its limits, by the last verdict that was kept and
    is young enough; or that is overridden. An unplanned move is held up only by those that say so.
    """
    wanted = [each for each in at.platform.watch.risk if _concerns(each, move)]
    if not wanted:
        return yes("risk", move, "no limit holds it up")
    found = [(each.portfolio, against(each, at.risk.get(each.portfolio), at.now)) for each in wanted]
    standing = [(name, because) for name, because in found if because]
    if not standing:
        return yes("risk", move, f"within their limits: {', '.join(name for name, _ in found)}")
    name, because = standing[0]
    if "risk" in at.consent.override:
        return yes("risk", move, because, consent=f"override: {at.consent.reason}")
    return no("risk", move, because, f"qx risk limits FILE --name {name} --keep, or --override risk --reason TEXT")


def _concerns(gate: RiskGate, move: Move) -> bool:
    return (move.mode == "planned" or not gate.only_planned) and (not gate.clusters or move.cluster in gate.clusters)


def against(gate: RiskGate, kept: RiskStanding | None, now: float) -> str:
    """Why it says no; '' when it does not. What is not known is no permission."""
    name = gate.portfolio
    if kept is None:
        return f"no verdict on the limits of {name} was kept"
    age = now - kept.at
    if age > gate.max_age:
        return f"the verdict on the limits of {name} is {format_seconds(age)} old, at most {gate.max_age} are allowed"
    if kept.state == "unknown":
        return f"whether {name} is within its limits is not known: {kept.because}"
    if kept.state in {"hard", gate.refuse_on}:
        return f"{name} is above a {kept.state} limit as of {kept.as_of}: {kept.because}"
    return ""
