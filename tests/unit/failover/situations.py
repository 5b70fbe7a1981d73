"""Situations as values: the healthy world of `values`, judged, of which a test changes one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from qx.failover.judge import judge
from qx.failover.situation import Situation
from qx.kernel.spans import Seconds
from qx.model.control import PgControl, RedisControl
from qx.model.observation import Sample
from qx.model.plan import Consent
from tests.unit.failover.values import NOW, STORE, US, healthy, platform

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.model.control import Control
    from qx.model.lease import Rule
    from qx.model.platform import Platform
    from tests.unit.failover.values import Seen

TODAY = "2027-01-15"


def situation(
    seen: Mapping[tuple[str, str], Seen] | None = None,
    *,
    of: Platform | None = None,
    rules: dict[str, Rule] | None = None,
    samples: dict[str, tuple[Sample, ...]] | None = None,
    **changed: Any,
) -> Situation:
    """Everything answers, nothing is held, nobody spoke; `seen` replaces what some nodes say."""
    told = of or platform()
    told = replace(told, defaults=replace(told.defaults, cooldown=Seconds(60)))
    observed = {key: each for key, each in (healthy() | dict(seen or {})).items() if key[0] in told.clusters}
    kept = samples or {}
    made = Situation(
        platform=told,
        config_file="regions.yaml",
        config_digest="c0ffee",
        topology=judge(told, observed, {}, rules or {}, STORE, NOW, kept),
        rules=rules or {},
        leases={},
        controls={(name, region): control(name) for name, region in observed},
        samples=kept,
        maintenance=(),
        consent=Consent(),
        now=NOW,
        today=TODAY,
        by="ann",
        plan_id="plan-1",
    )
    return replace(made, **changed)


def control(cluster: str) -> Control:
    if cluster == "sessions":
        return RedisControl(
            running=True, pid=7, pids=(7,), replicaof="", held_epoch=0, held_for="", free_bytes=1 << 40
        )
    return PgControl(
        running=True, pid=7, pids=(7,), state="in production", system_id="7000", timeline=1, checkpoint=0, redo=0,
        min_recovery_end=0, standby_signal=False, held_epoch=0, held_for="", free_bytes=1 << 40,
    )


def spoken(**words: Any) -> Consent:
    return Consent(**{"reason": "region lost", "by": "ann", **words})


def written(
    cluster: str = "trading", region: str = US, *, lineage: str = "7000/1", until: int = 0x5000000, rate: int = 1000
) -> tuple[Sample, ...]:
    """A writer that wrote `rate` bytes a second for ten seconds, seen each second, the last time just now."""
    return tuple(
        Sample(cluster, region, NOW - age, lineage, until - age * rate, 1000 - age) for age in range(10, -1, -1)
    )
