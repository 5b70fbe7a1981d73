"""CLUSTER NODES and its like, as old and new servers write them, become a Member."""

from __future__ import annotations

import pytest

from qx.adapters.redis.table import member_of

A, B, C = "a" * 40, "b" * 40, "c" * 40
SERVER = "# Server\r\nredis_version:6.2.7\r\n"
MASTER = (
    "role:master\r\nconnected_slaves:1\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=90,lag=1\r\n"
    "master_repl_offset:100\r\n"
)
REPLICA = (
    "role:slave\r\nmaster_link_status:down\r\nmaster_link_down_since_seconds:7\r\nslave_repl_offset:80\r\n"
    "connected_slaves:0\r\n"
)
INFO = (
    "cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16383\r\ncluster_slots_pfail:1\r\n"
    "cluster_slots_fail:0\r\ncluster_current_epoch:9\r\n"
)
OLD = (
    f"{A} :6379@16379 myself,master - 0 0 3 connected 0-99 200 [93->-{B}]\n"
    f"{B} 10.0.0.2:6379@16379 slave {A} 0 1 3 connected\n"
    f"{C} 10.0.0.3:6379@16379,db3.example,shard-id=77 master,fail? - 5 1 4 disconnected 201-16383\n"
)


def test_a_master_of_before_shards() -> None:
    found = member_of("db1:6379", SERVER, MASTER, INFO, OLD, [])
    assert (found.id, found.role, found.flavour, found.version, found.offset) == (A, "master", "redis", "6.2.7", 100)
    assert (found.state, found.slots_ok, found.slots_pfail, found.epoch) == ("ok", 16383, 1, 9)
    me, replica, other = found.peers
    assert me.address == "db1:6379", "it does not know its own address: where it was asked"
    assert me.slots == ((0, 99), (200, 200)), "a slot on its way is still its own, and stands in the ranges"
    assert (replica.role, replica.master, replica.state, replica.linked) == ("replica", A, "ok", True)
    assert (other.address, other.state, other.linked, other.slots) == (
        "10.0.0.3:6379", "suspected", False, ((201, 16383),)
    )  # fmt: skip
    assert {peer.offset for peer in found.peers} == {None}
    assert [(each.address, each.offset) for each in found.followers] == [("10.0.0.2:6379", 90)]


def test_offsets_of_shards() -> None:
    shard = ["slots", [0, 99], "nodes", [["id", A, "replication-offset", 100], ["id", B, "replication-offset", 90]]]
    found = member_of("db1:6379", SERVER, MASTER, INFO, OLD, [shard])
    assert [peer.offset for peer in found.peers] == [100, 90, None]


def test_a_replica_that_lost_its_link() -> None:
    nodes = OLD.replace("myself,master", "master").replace(f"slave {A}", f"myself,slave,nofailover {A}")
    found = member_of("db2:6379", SERVER, REPLICA, INFO, nodes.replace(":6379@16379 master", "x:1@2 master"), [])
    assert (found.role, found.link_up, found.link_down_s, found.offset) == ("replica", False, 7, 80)


@pytest.mark.parametrize(
    ("flags", "state"),
    [("master", "ok"), ("master,fail", "failed"), ("master,fail?", "suspected"), ("handshake", "unknown"),
     ("master,noaddr", "unknown"), ("slave,nofailover", "ok")],
)  # fmt: skip
def test_flags(flags: str, state: str) -> None:
    nodes = f"{A} 10.0.0.1:1@2 myself,master - 0 0 1 connected\n{B} 10.0.0.2:1@2 {flags} - 0 0 0 connected\n"
    assert member_of("a:1", SERVER, MASTER, INFO, nodes, []).peers[1].state == state


def test_what_cannot_be_read() -> None:
    with pytest.raises((KeyError, ValueError, IndexError)):
        member_of("a:1", SERVER, MASTER, INFO, "nonsense here\n", [])
