"""The members of the lab's etcd, each named after its region; started so that they reach each other through the lab's
network only, and outlive us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import QxError
from qx.lab.config import etcd_endpoints
from qx.lab.layout import OPS
from qx.lab.sockets import LOOPBACK
from qx.lab.spawn import run

if TYPE_CHECKING:
    from pathlib import Path

    from qx.adapters.node.processes import Pid
    from qx.lab.lab import Lab
    from qx.lab.layout import MemberLayout

HEARTBEAT_MS, ELECTION_MS = 100, 1000
ANSWER_S = 1.0


def member_name(region: str) -> str:
    """Its name among the lab's processes."""
    return f"etcd/{region}"


def log_of(member: MemberLayout) -> Path:
    return member.directory / "etcd.log"


def start(lab: Lab, member: MemberLayout) -> Pid:
    """On the data that it left, if it ran before. It may not answer yet."""
    member.directory.mkdir(parents=True, exist_ok=True)
    client, known_as = f"http://{LOOPBACK}:{member.client}", f"http://{member.known_as}"
    peers = ",".join(f"{each.region}=http://{each.known_as}" for each in lab.layout.members)
    argv = (
        str(lab.etcd), "--name", member.region, "--data-dir", str(member.directory / "data"),
        "--logger", "zap", "--log-level", "warn", "--auto-compaction-retention", "1h",
        "--listen-client-urls", client, "--advertise-client-urls", client,
        "--listen-peer-urls", f"http://{LOOPBACK}:{member.peer}", "--initial-advertise-peer-urls", known_as,
        "--initial-cluster", peers, "--initial-cluster-token", str(lab.directory),
        "--heartbeat-interval", str(HEARTBEAT_MS), "--election-timeout", str(ELECTION_MS),
        "--pre-vote",  # not the default before 3.5: a member that was cut off would depose the leader when it is back
    )  # fmt: skip
    proxy = f"socks5://{LOOPBACK}:{lab.layout.fabric.proxies[member.region]}"
    return run(argv, log_of(member), {"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "", "no_proxy": ""})


def stands(lab: Lab) -> bool:
    """Whether every member answers, and follows one leader."""
    from qx.adapters.etcd.gateway import At, Gateway
    from qx.adapters.etcd.health import condition

    gateway = Gateway(At(tuple(etcd_endpoints(lab, OPS)), timeout=ANSWER_S))
    try:
        found = condition(gateway)
    except QxError:
        return False
    finally:
        gateway.shut()
    return len(found.members) == len(found.asked) and all(each.leader for each in found.asked)
