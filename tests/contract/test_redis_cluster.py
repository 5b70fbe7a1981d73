"""A Redis Cluster of six real servers, three masters with a replica each in three regions: what is seen of it is true,
what goes wrong has its name, and qx does not touch it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from qx.adapters.clock import SystemClock
from qx.adapters.redis.cluster import RedisClusterNode
from qx.app.plan import failover
from qx.app.workbench import Workbench
from qx.failover.checks import Level, check_health, check_lag, check_writer
from qx.kernel.errors import Refused
from qx.model.observation import Observation, Silence
from qx.model.plan import Consent
from qx.model.redis_cluster import RedisClusterFacts
from qx.model.topology import Cause, Role, Verdict
from tests.fixtures_redis_cluster import REGIONS, SPLIT, Six, deaf, described, form, table
from tests.fixtures_servers import Servers

pytestmark = pytest.mark.integration

TIMEOUT = 20.0


@pytest.fixture
def six(servers: Servers, redis_program: str, tmp_path: Path) -> Six:
    return form(servers, redis_program, tmp_path)


@pytest.fixture
def shared_six(session_servers: Servers, redis_program: str, tmp_path_factory: pytest.TempPathFactory) -> Six:
    """For tests that leave it as it was."""
    return session_servers.shared(
        ("redis-cluster", redis_program), lambda: form(session_servers, redis_program, tmp_path_factory.mktemp("six"))
    )


# -- what each member tells


async def test_a_region_tells_of_its_members(shared_six: Six, redis_program: str) -> None:
    first, second = shared_six.of("eu-west")
    node = RedisClusterNode(
        "quotes", "eu-west", "here", f"redis://{first.address}", (second.address,), str, SystemClock()
    )
    try:
        found = await node.observe(TIMEOUT)
    finally:
        await node.close()
    assert isinstance(found, Observation), found
    facts = found.facts
    assert isinstance(facts, RedisClusterFacts)
    assert facts.silent == {}
    master, replica = facts.members
    assert (master.address, master.role, master.flavour) == (first.address, "master", redis_program)
    assert (replica.address, replica.role, replica.link_up) == (second.address, "replica", True)
    assert (master.state, master.slots_assigned, master.slots_ok, master.slots_fail) == ("ok", 16384, 16384, 0)
    assert len(master.peers) == len(replica.peers) == 6
    assert {peer.address for peer in master.peers} == {each.address for each in shared_six.nodes}
    mine = next(peer for peer in master.peers if peer.id == master.id)
    assert (mine.address, mine.slots, mine.state, mine.linked) == (first.address, (SPLIT[1],), "ok", True)
    assert master.epoch >= 6
    assert {peer.epoch for peer in master.peers if peer.role == "master"} == {1, 2, 3}
    [follower] = master.followers
    assert follower.address == shared_six.replicas[1].address
    assert all(peer.offset is not None for peer in master.peers), "CLUSTER SHARDS tells offsets since Redis 7.0"


async def test_a_plain_redis_is_no_member(shared_redis_pair: object, servers: Servers, redis_program: str) -> None:
    plain = servers.redis(redis_program)
    plain.start()
    node = RedisClusterNode("quotes", "us-east", "here", f"redis://{plain.address}", (), str, SystemClock())
    try:
        found = await node.observe(TIMEOUT)
    finally:
        await node.close()
    assert isinstance(found, Silence)
    assert found.reason == "protocol"
    assert "no member of a Redis Cluster" in found.detail


async def test_the_rights_that_the_page_grants_are_enough(six: Six) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "redis-cluster.md"
    [granted] = re.findall(r"^user qx (on .*)$", page.read_text(), re.MULTILINE)
    first = six.masters[0]
    first.ask("ACL", "SETUSER", "qx", "reset", *granted.split())
    url = f"redis://qx@{first.address}"
    node = RedisClusterNode("quotes", "us-east", "here", url, (), lambda: "...", SystemClock())
    try:
        found = await node.observe(TIMEOUT)
    finally:
        await node.close()
    assert isinstance(found, Observation), found
    assert isinstance(found.facts, RedisClusterFacts)
    assert all(peer.offset is not None for peer in found.facts.members[0].peers), "CLUSTER SHARDS is granted"
    assert first.ask("ACL", "LOG") == [], "and nothing else was asked"


# -- what is made of it


def test_a_cluster_that_is_well(shared_six: Six) -> None:
    topology = shared_six.seen()
    view = topology.clusters["quotes"]
    assert (view.verdict, view.cause, view.writer) == (Verdict.HEALTHY, Cause.NONE, None)
    assert [(shard.slots, shard.master, shard.region) for shard in view.shards] == [
        ((slots,), master.address, region)
        for slots, master, region in zip(SPLIT, shared_six.masters, REGIONS, strict=True)
    ]
    for shard, replica, region in zip(view.shards, shared_six.replicas, (*REGIONS[1:], REGIONS[0]), strict=True):
        [found] = shard.replicas
        assert (found.address, found.region, found.streaming) == (replica.address, region, True)
        assert found.bytes is not None
    assert {node.role for node in view.nodes.values()} == {Role.MEMBER}
    assert {region.verdict for region in topology.regions.values()} == {Verdict.HEALTHY}
    assert check_health(topology).level is Level.OK
    assert check_writer(topology).level is Level.OK
    assert check_lag(topology, 10, 60).level is Level.OK


def test_a_master_that_is_killed_is_named_and_then_replaced(six: Six) -> None:
    lost = six.masters[0]
    lost.kill()
    six.becomes("it is silent, suspected or failed", lambda view: view.verdict is not Verdict.HEALTHY)
    after = six.becomes(
        "its replica is the master, and is named as alone",
        lambda view: view.cause is Cause.MEMBER_SILENT and view.shards[0].master == six.replicas[0].address,
    )
    assert after.verdict is Verdict.DEGRADED
    assert lost.address in after.because
    assert after.shards[0].epoch > 6, "the election raised the epoch"
    assert Cause.REPLICA_MISSING in {node.cause for node in after.nodes.values()} | {after.cause} or "no replica" in (
        after.because
    )


def test_a_shard_that_is_lost(six: Six) -> None:
    six.masters[1].kill()
    six.replicas[1].kill()
    view = six.becomes("the members found it failed", lambda view: view.cause is Cause.MASTERS_DOWN
                       and view.verdict is Verdict.DOWN)  # fmt: skip
    assert "5461-10922" in view.because
    assert six.masters[1].address in view.because
    assert view.shards[1].state == "failed"
    topology = six.seen()
    assert check_health(topology).level is Level.CRITICAL
    assert check_writer(topology).level is Level.CRITICAL


def test_slots_that_nobody_owns(six: Six) -> None:
    for node in six.nodes:
        node.ask("CLUSTER", "DELSLOTSRANGE", "16000", "16383")
    view = six.becomes("they are named", lambda view: view.cause is Cause.SLOTS_UNCOVERED
                       and view.verdict is Verdict.DOWN)  # fmt: skip
    assert "16000-16383" in view.because
    assert "384 of 16384" in view.because


def test_without_full_coverage_the_rest_is_served(
    servers: Servers, redis_program: str, tmp_path: Path
) -> None:
    six = form(servers, redis_program, tmp_path, cluster_require_full_coverage="no")
    six.masters[0].ask("CLUSTER", "DELSLOTS", "0")
    view = six.becomes("it is told", lambda view: view.cause is Cause.SLOTS_UNCOVERED)
    assert view.verdict is Verdict.DEGRADED
    assert "the others are served" in view.because


def test_a_replica_that_does_not_keep_up(six: Six) -> None:
    master, replica = six.masters[0], six.replicas[0]
    key = next(str(n) for n in range(100) if int(master.ask("CLUSTER", "KEYSLOT", str(n))) <= SPLIT[0][1])
    master.ask("SET", key, "x" * 100_000)
    six.becomes("it holds all", lambda view: view.shards[0].replicas[0].bytes == 0)
    with deaf(replica):
        master.ask("SET", key, "x" * 300_000)
        [behind] = six.view().shards[0].replicas
        assert behind.bytes is not None
        assert behind.bytes >= 300_000
    six.becomes("it caught up", lambda view: view.shards[0].replicas[0].bytes == 0)


def test_a_deaf_replica(six: Six) -> None:
    with deaf(six.replicas[0]):
        view = six.becomes("it is named", lambda view: view.cause is Cause.MEMBER_SILENT)
        assert six.replicas[0].address in view.because
        region = view.nodes["eu-west"]
        assert (region.role, region.cause) == (Role.MEMBER, Cause.MEMBER_SILENT), "the other member there answers"
        [replica] = six.becomes(
            "its peers found it failed", lambda view: view.shards[0].replicas[0].state == "failed"
        ).shards[0].replicas
        assert not replica.streaming
    six.becomes("it came back", lambda view: view.verdict is Verdict.HEALTHY)


def test_a_member_that_knows_nothing_of_the_others(six: Six) -> None:
    odd = six.replicas[2]
    odd.ask("CLUSTER", "RESET", "HARD")
    view = six.view()
    assert view.verdict is not Verdict.HEALTHY
    view = six.becomes("it contradicts the others", lambda view: view.cause is Cause.VIEWS_DIFFER)
    assert odd.address in view.because
    assert view.verdict is Verdict.SUSPECT


def test_a_region_that_is_gone(six: Six) -> None:
    for node in six.of("ap-southeast"):
        node.kill()
    view = six.becomes(
        "its master was replaced",
        lambda view: view.verdict is Verdict.DEGRADED and view.shards[2].master == six.replicas[2].address,
    )
    assert view.nodes["ap-southeast"].role is Role.SILENT


def test_nothing_answers(six: Six) -> None:
    for node in six.nodes:
        node.kill()
    view = six.view()
    assert (view.verdict, view.cause, view.shards) == (Verdict.UNKNOWN, Cause.NOTHING_ANSWERS, ())


# -- qx does not touch it


def test_it_is_not_moved(shared_six: Six) -> None:
    before = [table(node).count("master") for node in shared_six.nodes]

    async def asked(clusters: tuple[str, ...]) -> None:
        bench = Workbench(
            {**os.environ, "XDG_STATE_HOME": str(shared_six.config.parent)}, str(shared_six.config)
        )
        try:
            await failover(bench, "eu-west", None, clusters, (), Consent())
        finally:
            await bench.close()

    for clusters in ((), ("quotes",)):
        with pytest.raises(Refused) as refusal:
            asyncio.run(asked(clusters))
        assert refusal.value.code == "QX-PLAN-008"
        assert shared_six.replicas[0].address in refusal.value.hint, "where it would have to be asked"
    assert [table(node).count("master") for node in shared_six.nodes] == before


def test_one_that_is_described_as_plain_redis_is_recognised(shared_six: Six, tmp_path: Path) -> None:
    config = tmp_path / "regions.yaml"
    plain = described(shared_six.masters, shared_six.replicas, "redis")
    for node in plain["clusters"]["quotes"]["nodes"].values():  # type: ignore[index]
        del node["members"]
    config.write_text(yaml.safe_dump(plain))
    view = Six(shared_six.masters, shared_six.replicas, config).view()
    assert (view.verdict, view.cause, view.writer) == (Verdict.SUSPECT, Cause.WRONG_KIND, None)
    assert "redis-cluster" in view.because


def test_nothing_is_written_by_looking(shared_six: Six) -> None:
    before = [node.ask("DBSIZE") for node in shared_six.nodes]
    began = time.monotonic()
    shared_six.seen()
    assert time.monotonic() - began < TIMEOUT
    assert [node.ask("DBSIZE") for node in shared_six.nodes] == before == [0] * 6


def test_as_people_and_machines_read_it(shared_six: Six) -> None:
    def qx(*words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "QX_CONFIG": str(shared_six.config), "XDG_STATE_HOME": str(shared_six.config.parent)}
        argv = [sys.executable, "-m", "qx", *words]
        return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120, check=False)

    text = qx("status")
    assert text.returncode == 0, text.stderr
    assert "1 master, 1 replica" in text.stdout
    assert "3 shards serve all 16384 slots" in text.stdout
    assert f"{shared_six.masters[1].address} (eu-west)" in text.stdout
    told = json.loads(qx("status", "-o", "json").stdout)
    assert told["kinds"] == {"quotes": "redis-cluster"}
    view = told["clusters"]["quotes"]
    assert [shard["slots"] for shard in view["shards"]] == [[list(slots)] for slots in SPLIT]
    facts = view["nodes"]["us-east"]["seen"]["facts"]
    assert [member["slots_ok"] for member in facts["members"]] == [16384, 16384]
    lags = json.loads(qx("lag", "-o", "json").stdout)["replicas"]
    assert {each["address"] for each in lags} == {each.address for each in shared_six.replicas}
    for what in ("health", "writer", "lag"):
        check = qx("check", what)
        assert (check.returncode, check.stderr) == (0, ""), check.stdout
    refused = qx("failover", "--to", "eu-west", "--cluster", "quotes", "--dry-run")
    assert refused.returncode == 4
    assert "QX-PLAN-008" in refused.stderr
    assert "CLUSTER FAILOVER" in refused.stderr
    assert qx("doctor").stdout.count("2 members of a Redis Cluster") == 3
