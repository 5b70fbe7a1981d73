"""What a plan was made from, in words that compare: a plan whose basis no longer holds is stale, and the
difference says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.situation import lineage

if TYPE_CHECKING:
    from qx.failover.situation import Situation


def basis_of(at: Situation, clusters: tuple[str, ...]) -> dict[str, str]:
    """Configuration, and per cluster: writer, epoch, lineage, and the state of each node. No positions: they
    always move.
    """
    basis = {"config": at.config_digest}
    for name in clusters:
        view, rule = at.topology.clusters[name], at.rules.get(name)
        basis[f"{name}.writer"] = view.writer or f"unseen (on record: {view.recorded_writer or 'none'})"
        basis[f"{name}.epoch"] = str(rule.epoch if rule else 0)
        for region, node in view.nodes.items():
            facts = at.facts(name, region)
            state = f"{node.role.value} of {lineage(facts)}" if facts else node.role.value
            basis[f"{name}.{region}"] = state + (", streaming" if node.streaming else "")
    return basis


def differences(planned: dict[str, str], now: dict[str, str]) -> list[str]:
    """One line per word that changed, empty when the basis still holds."""
    keys = sorted(planned.keys() | now.keys())
    return [
        f"{key}: was {planned.get(key, 'absent')}, is {now.get(key, 'absent')}"
        for key in keys
        if planned.get(key) != now.get(key)
    ]
