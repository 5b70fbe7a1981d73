"""What a member of a Redis Cluster answers, read: INFO, CLUSTER INFO, CLUSTER NODES, CLUSTER SHARDS -> Member.

CLUSTER NODES is the table, in all versions the same but for what follows the address; CLUSTER SHARDS adds the offsets.
Pure. Raises KeyError, ValueError or IndexError where an answer is not what it should be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.adapters.redis.observe import replicas_of, words_of
from qx.model.redis_cluster import Follower, Member, Peer

if TYPE_CHECKING:
    from qx.model.redis_cluster import PeerState, Range


def member_of(address: str, server: str, replication: str, info: str, nodes: str, shards: list[Any]) -> Member:
    """`address`: where it was asked. `shards`: CLUSTER SHARDS as RESP2 gives it, [] where it is not known."""
    about, role = words_of(server), words_of(replication)
    cluster = words_of(info)
    offsets = _offsets(shards)
    rows = [line.split(" ") for line in nodes.splitlines() if line]
    [me] = (row[0] for row in rows if "myself" in row[2].split(","))
    master = role["role"] == "master"
    link_up = master or role["master_link_status"] == "up"
    return Member(
        address=address,
        id=me,
        flavour="valkey" if about.get("server_name") == "valkey" else "redis",
        version=about.get("valkey_version") or about["redis_version"],
        role="master" if master else "replica",
        offset=int(role["master_repl_offset"] if master else role["slave_repl_offset"]),
        link_up=link_up,
        link_down_s=0 if link_up else max(0, int(role["master_link_down_since_seconds"])),
        followers=tuple(Follower(r.address, r.state, r.offset, r.ack_age_s) for r in replicas_of(role)),
        state="ok" if cluster["cluster_state"] == "ok" else "fail",
        slots_assigned=int(cluster["cluster_slots_assigned"]),
        slots_ok=int(cluster["cluster_slots_ok"]),
        slots_pfail=int(cluster["cluster_slots_pfail"]),
        slots_fail=int(cluster["cluster_slots_fail"]),
        epoch=int(cluster["cluster_current_epoch"]),
        peers=tuple(_peer(row, address if row[0] == me else "", offsets) for row in rows),
    )


def _peer(row: list[str], own: str, offsets: dict[str, int]) -> Peer:
    """`<id> <ip:port@bus[,host...]> <flags> <master> <ping> <pong> <epoch> <link> <slot>...`; `own`: of the one that
    tells, which need not know its own address.
    """
    name, where, flags, master, _, _, epoch, link, *slots = row
    words = flags.split(",")
    told = where.partition(",")[0].partition("@")[0]
    return Peer(
        id=name,
        address=told if told.rpartition(":")[0] else own or told,
        role="replica" if "slave" in words else "master",
        state=_state(words),
        master="" if master == "-" else master,
        epoch=int(epoch),
        linked=link == "connected",
        slots=tuple(_range(slot) for slot in slots if not slot.startswith("[")),  # [93->-id]: on its way to another
        offset=offsets.get(name),
    )


def _state(flags: list[str]) -> PeerState:
    if "fail" in flags:
        return "failed"
    if "fail?" in flags:
        return "suspected"
    return "unknown" if {"handshake", "noaddr"}.intersection(flags) else "ok"


def _range(slot: str) -> Range:
    first, _, last = slot.partition("-")
    return int(first), int(last or first)


def _offsets(shards: list[Any]) -> dict[str, int]:
    """Id -> replication offset."""
    found: dict[str, int] = {}
    for shard in shards:
        for node in _pairs(shard)["nodes"]:
            about = _pairs(node)
            found[str(about["id"])] = int(about["replication-offset"])
    return found


def _pairs(answer: Any) -> dict[str, Any]:
    return answer if isinstance(answer, dict) else dict(zip(answer[::2], answer[1::2], strict=True))
