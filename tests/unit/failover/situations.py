"""Situations as values: a healthy world judged by the real judge, of which a test changes one thing."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from qx.failover.estimate import nothing_lost
from qx.failover.gates import Move
from qx.failover.judge import judge
from qx.failover.situation import Situation
from qx.model.control import PgControl, RedisControl
from qx.model.plan import Consent
from qx.model.platform import Platform, ResidencyRule
from tests.unit.failover import values as v
from tests.unit.failover.values import EU, NOW, STORE, US, Seen

ALLOWED = ResidencyRule(data_class="trade_record", source="*", to="*", verdict="allowed", because="test data")


def pg_control(**changed: Any) -> PgControl:
    found = PgControl(
        running=True, pid=7, pids=(7,), state="in production", system_id="7000", timeline=1, checkpoint=0x4000000,
        redo=0x4000000, min_recovery_end=0, standby_signal=False, held_epoch=0, held_for="", free_bytes=1 << 30,
    )
    return replace(found, **changed)


def redis_control(**changed: Any) -> RedisControl:
    found = RedisControl(running=True, pid=8, pids=(8,), replicaof="", held_epoch=0, held_for="", free_bytes=1 << 30)
    return replace(found, **changed)


healthy = v.healthy


def situation(
    seen: dict[tuple[str, str], Seen] | None = None,
    platform: Platform | None = None,
    rules: dict[str, Any] | None = None,
    **changed: Any,
) -> Situation:
    platform = platform or replace(v.platform(), residency=(ALLOWED,))
    seen, rules = seen or healthy(), rules or {}
    at = Situation(
        platform=platform,
        config_file="regions.yaml",
        config_digest="digest",
        topology=judge(platform, seen, {}, rules, STORE, NOW),
        rules=rules,
        leases={},
        controls={key: pg_control() if key[0] == "trading" else redis_control() for key in healthy()},
        samples={},
        maintenance=(),
        consent=Consent(),
        now=NOW,
        today="2027-01-15",
        by="somebody",
        plan_id="plan",
    )
    return replace(at, **changed)


def move(mode: Any = "planned", cluster: str = "trading", target: str = EU, **changed: Any) -> Move:
    return replace(Move(cluster, US, target, mode, nothing_lost("planned")), **changed)
