"""Redis Cluster: what each member tells of itself and of the others, and the shards that this adds up to.

It elects its masters itself; qx only looks. Addresses are host:port, as members give themselves to clients. Slots are
ranges with both ends, of 0 to 16383. Epochs are Redis Cluster's own, not qx's.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

SLOTS = 16384

Range = tuple[int, int]
PeerState = Literal["ok", "suspected", "failed", "unknown"]  # `fail?` is one member's suspicion, `fail` their verdict


class Peer(Struct, frozen=True, kw_only=True):
    """One member in the table of another, or in its own."""

    id: str
    address: str
    role: Literal["master", "replica"]
    state: PeerState
    master: str  # id of the one that it follows; '' of a master
    epoch: int  # config epoch: of two that claim a slot the higher one has it
    linked: bool  # whether the bus between the two is up
    slots: tuple[Range, ...]
    offset: int | None = None  # as told by gossip; None before Redis 7.0


class Follower(Struct, frozen=True):
    """A master's own view of a replica that is connected to it."""

    address: str
    state: str
    offset: int
    ack_age_s: int


class Member(Struct, frozen=True, kw_only=True):
    """One that answered. `address`: where it was asked."""

    address: str
    id: str
    flavour: Literal["redis", "valkey"]
    version: str
    role: Literal["master", "replica"]
    offset: int
    link_up: bool  # of a replica to its master
    link_down_s: int  # 0 while up
    followers: tuple[Follower, ...]
    state: Literal["ok", "fail"]  # of the cluster, as this member sees it: at `fail` it serves nobody
    slots_assigned: int
    slots_ok: int
    slots_pfail: int
    slots_fail: int
    epoch: int  # the highest that it knows of
    peers: tuple[Peer, ...]  # its table, itself included


class RedisClusterFacts(Struct, frozen=True, kw_only=True, tag="redis-cluster"):
    """All members of one region that were asked. `silent`: address -> why it did not answer."""

    members: tuple[Member, ...]
    silent: dict[str, str] = {}


class Replica(Struct, frozen=True, kw_only=True):
    """Of one shard. None where it cannot be known. `region`: '' of a member that the configuration does not name."""

    address: str
    region: str
    state: PeerState
    streaming: bool
    bytes: int | None  # behind its master
    seconds: float | None
    because: str = ""


class Shard(Struct, frozen=True, kw_only=True):
    """One master with the slots that it owns."""

    slots: tuple[Range, ...]
    master: str
    region: str  # '' when the configuration does not name it
    state: PeerState  # of the master, as the members see it
    epoch: int
    replicas: tuple[Replica, ...]


def counted(slots: tuple[Range, ...]) -> int:
    return sum(last - first + 1 for first, last in slots)


def slot_words(slots: tuple[Range, ...]) -> str:
    """`0-5460`, `0-99,200`, `none`."""
    return ",".join(f"{first}-{last}" if first != last else str(first) for first, last in slots) or "none"
