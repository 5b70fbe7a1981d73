from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from qx.failover.judge import judge
from qx.failover.readiness import Advice, readiness
from qx.model.observation import Observation, PgFacts, RedisFacts
from tests.unit.failover import values as v
from tests.unit.failover.values import EU, NOW, STORE, US

GOOD = {
    "wal_level": "replica", "fsync": "on", "full_page_writes": "on", "max_wal_senders": "10",
    "max_replication_slots": "10", "hot_standby": "on", "wal_log_hints": "on", "data_checksums": "off",
    "wal_retrieve_retry_interval": "200", "max_slot_wal_keep_size": "1024", "max_connections": "100",
    "recovery_min_apply_delay": "0", "recovery_target_timeline": "latest",
}  # fmt: skip


def advice(cluster: str, region: str, facts: Any) -> tuple[Advice, ...]:
    """On that node; every other one is as it should be."""
    seen: dict[tuple[str, str], Any] = dict(v.healthy())
    seen[cluster, region] = v.observed(cluster, region, facts)
    for key, each in seen.items():
        if isinstance(each, Observation) and isinstance(each.facts, PgFacts) and key != (cluster, region):
            seen[key] = v.observed(*key, replace(each.facts, settings=GOOD))
        elif isinstance(each, Observation) and isinstance(each.facts, RedisFacts) and key != (cluster, region):
            seen[key] = v.observed(*key, replace(each.facts, backlog_size=64 << 20))
    return readiness(judge(v.platform(), seen, v.endpoints(), {}, STORE, NOW))


def test_nothing_to_advise() -> None:
    assert advice("trading", US, v.pg_writer(settings=GOOD)) == ()


@pytest.mark.parametrize(
    ("setting", "value", "status"),
    [
        ("wal_level", "minimal", "failed"), ("fsync", "off", "failed"), ("full_page_writes", "off", "failed"),
        ("max_wal_senders", "2", "failed"), ("max_replication_slots", "0", "failed"), ("hot_standby", "off", "failed"),
        ("wal_log_hints", "off", "warning"), ("wal_retrieve_retry_interval", "5000", "warning"),
        ("max_slot_wal_keep_size", "-1", "warning"),
    ],
)  # fmt: skip
def test_a_writer(setting: str, value: str, status: str) -> None:
    (found,) = advice("trading", US, v.pg_writer(settings=GOOD | {setting: value}))
    assert (found.cluster, found.region, found.status) == ("trading", US, status)
    assert setting in found.evidence or setting in found.fix
    assert found.fix


@pytest.mark.parametrize(
    ("setting", "value"),
    [("max_connections", "50"), ("recovery_target_timeline", "1"), ("recovery_min_apply_delay", "60000")],
)
def test_a_standby(setting: str, value: str) -> None:
    (found,) = advice("trading", EU, v.pg_replica(settings=GOOD | {setting: value}))
    assert found.region == EU
    assert setting in found.fix


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"config_file": ""}, "configuration file"), ({"persistence": ()}, "persists nothing"),
        ({"backlog_size": 1 << 20}, "repl-backlog-size"), ({"mode": "cluster"}, "Redis Cluster"),
        ({"min_replicas": 1, "replicas": ()}, "min-replicas-to-write"),
    ],
)  # fmt: skip
def test_redis(changed: dict[str, Any], word: str) -> None:
    (found,) = advice("sessions", US, v.redis_master(EU, **({"backlog_size": 64 << 20} | changed)))
    assert word in found.evidence
