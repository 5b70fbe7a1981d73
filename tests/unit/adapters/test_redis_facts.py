"""INFO of servers that are not installed here: Redis 6.2, a node of a Redis Cluster."""

from __future__ import annotations

from typing import Any

import pytest

from qx.adapters.answer import Declined
from qx.adapters.redis import observe
from qx.adapters.redis.server import _epoch

REDIS_6 = """# Server
redis_version:6.2.14
redis_mode:standalone
tcp_port:6379
run_id:abc
uptime_in_seconds:77
config_file:
# Memory
used_memory:1000
maxmemory:0
# Persistence
loading:0
aof_enabled:0
# Replication
role:slave
master_host:10.0.0.1
master_port:6379
master_link_status:down
master_sync_in_progress:1
slave_repl_offset:1
master_link_down_since_seconds:-1
slave_priority:50
connected_slaves:1
slave0:ip=10.0.0.9,port=6380,state=wait_bgsave,offset=0,lag=0
master_replid:r1
master_replid2:0000000000000000000000000000000000000000
master_repl_offset:0
second_repl_offset:-1
repl_backlog_size:1048576
"""


class Told:
    """A session that gives these answers."""

    node = "sessions/us-east"

    def __init__(self, *answers: Any) -> None:
        self.answers = answers

    async def ask_all(self, *commands: Any, **_: Any) -> list[Any]:
        assert len(commands) == len(self.answers)
        return list(self.answers)


def no() -> Declined:
    return Declined(Told.node, "NOPERM", "NOPERM no")


async def facts(info: str, *answers: Any) -> Any:
    return await observe.facts(Told(info, *(answers or ([], [], [], [], []))), 1.0, watched=False)  # type: ignore[arg-type]


async def test_redis_6() -> None:
    told = await facts(REDIS_6, no(), no(), no(), no(), no())
    assert (told.role, told.flavour, told.version, told.upstream) == ("replica", "redis", "6.2.14", "10.0.0.1:6379")
    assert (told.link_up, told.link_down_s, told.sync_in_progress) == (False, 77, True)
    assert (told.failover_state, told.priority, told.min_replicas, told.marker) == ("no-failover", 50, 0, None)
    assert (told.replicas[0].address, told.replicas[0].state) == ("10.0.0.9:6380", "wait_bgsave")


async def test_a_cluster_is_told_as_one() -> None:
    assert (await facts(REDIS_6.replace("standalone", "cluster"))).mode == "cluster"


async def test_an_announced_address_without_a_port_has_the_servers_own() -> None:
    announced = ["replica-announce-ip", "10.9.9.9", "replica-announce-port", "0"]
    assert (await facts(REDIS_6, [], [], [], [], announced)).announce == "10.9.9.9:6379"


async def test_what_tells_nothing_of_replication_is_refused() -> None:
    with pytest.raises(Declined) as caught:
        await facts("redis_version:7.0\r\nredis_mode:sentinel\r\n")
    assert "sentinel" in caught.value.words


@pytest.mark.parametrize(
    ("name", "epoch"),
    [("qx:run:7", 7), ("qx:observe", None), ("qx:run:x", None), ("qx:run:", None), ("app:run:7", None), ("", None)],
)
def test_names_of_sessions(name: str, epoch: int | None) -> None:
    assert _epoch(name) == (float("inf") if epoch is None else epoch)
