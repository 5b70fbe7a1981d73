"""The topology in the words of expressions: plain data under the names `clusters` and `regions`.

Which names there are says `qx.config.runbook_names.SEEN`; a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.model.observation import Observation, PgFacts, RedisFacts
from qx.model.topology import Role

if TYPE_CHECKING:
    from qx.model.platform import Platform
    from qx.model.topology import ClusterView, NodeView, Topology


def words_of(platform: Platform, topology: Topology) -> dict[str, Any]:
    """What is None, or not there, is missing to an expression."""
    return {
        "clusters": {name: _cluster(platform, view) for name, view in topology.clusters.items()},
        "regions": {
            name: {"verdict": view.verdict.value, "cause": view.cause.value} for name, view in topology.regions.items()
        },
    }


def _cluster(platform: Platform, view: ClusterView) -> dict[str, Any]:
    nodes = {region: _node(node) for region, node in view.nodes.items()}
    replicas = [node for region, node in nodes.items() if region != view.writer]
    return {
        "kind": platform.clusters[view.name].kind,
        "home": platform.clusters[view.name].home,
        "verdict": view.verdict.value,
        "cause": view.cause.value,
        "writer": view.writer,
        "recorded_writer": view.recorded_writer,
        "epoch": view.epoch,
        "writers": sum(node["takes_writes"] is True for node in nodes.values()),
        "replicas": sum(node["streaming"] for node in replicas),
        "lag_s": _worst([node["lag_s"] for node in replicas]),
        "lag_bytes": _worst([node["lag_bytes"] for node in replicas]),
        "nodes": nodes,
    }


def _node(node: NodeView) -> dict[str, Any]:
    facts = node.seen.facts if isinstance(node.seen, Observation) else None
    takes = None
    if isinstance(facts, PgFacts):
        takes = not facts.in_recovery
    elif isinstance(facts, RedisFacts):
        takes = facts.role == "master"
    return {
        "role": node.role.value,
        "answers": node.role is not Role.SILENT,
        "takes_writes": takes,
        "streaming": node.streaming,
        "upstream": node.upstream,
        "cause": node.cause.value,
        "lag_s": node.lag.seconds if node.lag else None,
        "lag_bytes": node.lag.bytes if node.lag else None,
        "sync_in_progress": facts.sync_in_progress if isinstance(facts, RedisFacts) else None,
    }


def _worst(values: list[Any]) -> Any:
    """None when one is not known, or there is none."""
    return None if not values or None in values else max(values)
