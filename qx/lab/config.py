"""The regions.yaml of a lab: what every command of qx needs to know of it, in the file's own form.

qx reaches each server through the network between `ops` and its region, and servers reach each other through the
network between theirs; only their control (files, processes) stands beside them. A region's controller has a file of
its own: it stands in the region, and reaches what is there without any network. Pure.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qx.lab.layout import CONTROL, ETCD, HTTP, OPS
from qx.lab.postgres import SUPERUSER, socket_dir
from qx.lab.sockets import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.lab.lab import Lab
    from qx.lab.layout import ClusterLayout, NodeLayout

HEADER = """\
# Written by `qx lab up`, removed by `qx lab down`. Everything here stands on this machine.
"""

_REGIONS: dict[str, dict[str, Any]] = {
    "us-east": {"title": "US East", "jurisdictions": ["US"], "timezone": "America/New_York"},
    "eu-west": {"title": "EU West", "jurisdictions": ["EU"], "timezone": "Europe/Dublin"},
    "ap-southeast": {"title": "Asia Pacific", "jurisdictions": ["SG"], "timezone": "Asia/Singapore"},
    "me-central": {"title": "Middle East", "jurisdictions": ["AE"], "timezone": "Asia/Dubai"},
    "guyana": {"title": "Guyana", "jurisdictions": ["GY"], "timezone": "America/Guyana"},
    "bahrain": {"title": "Bahrain", "jurisdictions": ["BH"], "timezone": "Asia/Bahrain"},
}
_DATA_CLASSES = {
    "trading": ["trade_record", "market_data"],
    "sessions": ["session"],
    "bahrain-book": ["trade_record"],
    "guyana-book": ["petroleum_data"],
}
_RESIDENCY = [
    *(
        {
            "data_class": data_class,
            "source": "US",
            "to": to,
            "verdict": "allowed",
            "because": "the trading and sessions clusters serve these regions",
        }
        for data_class in ("trade_record", "market_data", "session")
        for to in ("EU", "SG")
    ),
    {
        "data_class": "trade_record",
        "source": "BH",
        "to": "AE",
        "verdict": "conditional",
        "because": "records of licensees in Bahrain leave it with the regulator's approval only",
        "instrument": "approval of the CBB",
    },
    {
        "data_class": "petroleum_data",
        "source": "GY",
        "to": "*",
        "verdict": "refused",
        "because": "petroleum data of Guyana stay in Guyana",
    },
]
_APPROVAL = {
    "id": "LAB-1",
    "data_class": "trade_record",
    "source": "bahrain",
    "to": "me-central",
    "granted_by": "the lab",
    "reference": "made up: the data are test data",
    "granted": "2020-01-01",
}


# A lab for the daemon is there to see it act, also on a machine that is slow to look.
_PRACTICE = {"mode": "auto", "objectives": {"rpo": "1m", "rpo_bytes": "64MiB"}}


def regions_yaml(lab: Lab, place: str = OPS) -> str:
    """The text of the file, which every command accepts unchanged, as it is read at `place`."""
    document: dict[str, Any] = {
        "version": 1,
        "platform": "lab",
        "defaults": {"probe_timeout": "2s", "cooldown": "0s"},
        "regions": {
            region: {
                **_REGIONS[region],
                "endpoints": {HTTP: {"url": f"http://{_http(lab, place, region)}/health"}},
            }
            for region in lab.layout.regions
        },
        "clusters": {cluster.name: _cluster(lab, cluster, place) for cluster in lab.layout.clusters},
        "residency": _RESIDENCY,
    }
    if {_APPROVAL["source"], _APPROVAL["to"]} <= set(lab.layout.regions):
        document["approvals"] = [_APPROVAL]
    if lab.guards:
        document["watch"] = {"profile": "fast", "moves_per_day": 100}
    document["store"] = _store(lab, place)
    return HEADER + "\n".join(_block(document, 0)) + "\n"


def dsn(node: NodeLayout, port: int) -> str:
    """How a client reaches the node at that port of 127.0.0.1."""
    if node.kind == "postgresql":
        return f"postgresql://{SUPERUSER}@{LOOPBACK}:{port}/postgres"
    return f"redis://{LOOPBACK}:{port}/0"


def _address(lab: Lab, source: str, target: str, service: str) -> str:
    return f"{LOOPBACK}:{lab.layout.relay(source, target, service)}"


def etcd_endpoints(lab: Lab, place: str) -> list[str]:
    """Of the members, as they are reached from `place`: its own first."""
    ports = {
        member.region: member.client if member.region == place else lab.layout.relay(place, member.region, ETCD)
        for member in lab.layout.members
    }
    return [f"http://{LOOPBACK}:{ports[region]}" for region in sorted(ports, key=lambda region: region != place)]


def _store(lab: Lab, place: str) -> dict[str, Any]:
    if not lab.layout.members:
        return {"path": str(lab.directory / "store.db")}
    return {"etcd": {"endpoints": etcd_endpoints(lab, place)}}


def _http(lab: Lab, place: str, region: str) -> str:
    return f"{LOOPBACK}:{lab.layout.endpoints[region]}" if region == place else _address(lab, place, region, HTTP)


def _cluster(lab: Lab, cluster: ClusterLayout, place: str) -> dict[str, Any]:
    route = {"driver": "lab", "socket": str(lab.fabric_socket)}
    route["address"] = f"{LOOPBACK}:{lab.layout.fabric.routes[cluster.name]}"
    sent = {node.region: _address(lab, OPS, node.region, cluster.name) for node in lab.layout.nodes_of(cluster)}
    return {
        "kind": cluster.kind,
        "home": cluster.home,
        "data_classes": _DATA_CLASSES[cluster.name],
        **({"durability": "quorum"} if lab.durability == "quorum" and _has_quorum(cluster) else {}),
        **(_PRACTICE if lab.guards else {}),
        "nodes": {node.region: _node(lab, cluster, node, place) for node in lab.layout.nodes_of(cluster)},
        "routes": [route if place == OPS else {**route, "nodes": sent}],
    }


def _has_quorum(cluster: ClusterLayout) -> bool:
    return cluster.kind == "postgresql" and len(cluster.regions) > 2


def control(lab: Lab, node: NodeLayout, place: str = OPS) -> dict[str, Any]:
    """A LocalControl, as regions.yaml writes it: whoever stands beside the node needs no network to it."""
    told: dict[str, Any] = {
        "driver": "local",
        "data_dir": str(node.data_dir),
        "bin_dir": str(lab.ground.bin_dir if node.kind == "postgresql" else lab.redis_server.parent),
        "port": node.port,
        "log_file": str(node.log_file),
    }
    if place != node.region:
        told["reach"] = _address(lab, place, node.region, CONTROL)
    if node.kind == "postgresql":
        told |= {"run_as": list(lab.ground.run_as), "socket_dir": socket_dir(node)}
    else:
        told["config_file"] = str(node.config_file)
    return told | ({"guard": True} if lab.guards else {})


def _node(lab: Lab, cluster: ClusterLayout, node: NodeLayout, place: str) -> dict[str, Any]:
    port = node.port if node.region == place else lab.layout.relay(place, node.region, cluster.name)
    described: dict[str, Any] = {"url": dsn(node, port), "control": control(lab, node, place)}
    peers = [region for region in cluster.regions if region != node.region]
    if peers:
        via = {peer: _address(lab, peer, node.region, cluster.name) for peer in peers}
        described["replication"] = {"via": via}
    return described


def _block(mapping: Mapping[str, Any], depth: int) -> Iterator[str]:
    """The mapping in YAML's block style; what does not hold mappings stands on one line, as JSON, which is YAML."""
    for key, value in mapping.items():
        start = f"{'  ' * depth}{key}:"
        if isinstance(value, dict) and value:
            yield start
            yield from _block(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield start
            for item in value:
                first, *rest = _block(item, depth + 2)
                yield f"{'  ' * depth}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{start} {_scalar(value)}"


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and value.replace("-", "").replace("_", "").isalpha()
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
