from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from qx.failover import gates
from qx.failover.estimate import unknown_loss
from qx.kernel.spans import Bytes, Seconds
from qx.model.lease import Lease, Maintenance, Rule
from qx.model.plan import Consent, Loss
from qx.model.topology import Lag
from tests.unit.failover import situations as s
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, NOW, US

SPOKEN = Consent(override=("cooldown", "maintenance"), reason="market is closed", by="somebody")
WINDOW = Maintenance(scope=EU, owner="ops", reason="disks", since=NOW - 10, until=NOW + 600)
MOVED = {"trading": Rule(cluster="trading", epoch=3, writer=US, writer_epoch=3, moved_at=NOW - 60)}


def loss(high: int | None, seconds: float | None = 1.0) -> Loss:
    unknown = unknown_loss("made up", NOW - 1, NOW)
    return replace(unknown, bytes_low=0, bytes_high=high, seconds_low=0.0, seconds_high=seconds)


def test_in_a_healthy_world_every_gate_of_a_planned_move_passes() -> None:
    for cluster in ("trading", "sessions"):
        results = gates.judge_gates(s.situation(), s.move(cluster=cluster))
        assert [result.gate for result in results if not result.passed] == []
        assert all(result.because for result in results)


def test_every_refusal_says_what_would_make_it_pass() -> None:
    at = s.situation(
        {**s.healthy(), ("trading", EU): v.silent("trading", EU)},
        maintenance=(WINDOW,),
        controls={},
        leases={"trading": Lease("trading", "other", 4, NOW + 5)},
    )
    refused = [gate for gate in gates.judge_gates(at, s.move()) if not gate.passed]
    assert {gate.gate for gate in refused} == {"maintenance", "lease", "health", "rpo", "fence", "control"}
    assert all(gate.remedy for gate in refused)


@pytest.mark.parametrize(("consent", "passed"), [(Consent(), False), (SPOKEN, True)])
@pytest.mark.parametrize("gate", ["cooldown", "maintenance"])
def test_cooldown_and_maintenance_yield_to_a_spoken_override(gate: str, consent: Consent, passed: bool) -> None:
    at = s.situation(rules=MOVED, maintenance=(WINDOW,), consent=consent)
    result = getattr(gates, gate)(at, s.move())
    assert result.passed is passed
    assert bool(result.consent) is passed


@pytest.mark.parametrize("scope", ["*", "trading", US, EU])
def test_maintenance_of_anything_concerned_refuses(scope: str) -> None:
    assert not gates.maintenance(s.situation(maintenance=(replace(WINDOW, scope=scope),)), s.move()).passed


@pytest.mark.parametrize(
    "window", [replace(WINDOW, scope=AP), replace(WINDOW, until=NOW), replace(WINDOW, since=NOW + 1)]
)
def test_maintenance_elsewhere_or_at_another_time_does_not_matter(window: Maintenance) -> None:
    assert gates.maintenance(s.situation(maintenance=(window,)), s.move()).passed


def test_a_lease_that_has_run_out_is_free() -> None:
    assert gates.lease(s.situation(leases={"trading": Lease("trading", "other", 4, NOW)}), s.move()).passed


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"replay_paused": True}, "paused"),
        ({"system_id": "8000"}, "system id"),
        ({"timeline": 2}, "timeline"),
        ({"in_recovery": False}, "no standby"),
        ({"settings": {"recovery_min_apply_delay": "3600000"}}, "delay"),
    ],
)
def test_an_unfit_postgresql_target_is_refused(changed: dict[str, Any], word: str) -> None:
    seen = {**s.healthy(), ("trading", EU): v.observed("trading", EU, v.pg_replica(**changed))}
    result = gates.health(s.situation(seen), s.move())
    assert not result.passed
    assert word in result.because


@pytest.mark.parametrize("name", gates.NOT_LOWER)
def test_a_target_with_lower_settings_than_the_writer_is_refused(name: str) -> None:
    seen = {
        **s.healthy(),
        ("trading", US): v.observed("trading", US, v.pg_writer(EU, AP, settings={name: "200"})),
        ("trading", EU): v.observed("trading", EU, v.pg_replica(settings={name: "100"})),
    }
    result = gates.health(s.situation(seen), s.move())
    assert not result.passed
    assert name in result.because
    assert name in result.remedy


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"link_up": False}, "no link"),
        ({"replid": "b" * 40}, "another replication history"),
        ({"config_file": ""}, "configuration file"),
        ({"loading": True}, "loading"),
    ],
)
def test_an_unfit_redis_target_is_refused(changed: dict[str, Any], word: str) -> None:
    seen = {**s.healthy(), ("sessions", EU): v.observed("sessions", EU, v.redis_replica(**changed))}
    result = gates.health(s.situation(seen), s.move(cluster="sessions"))
    assert not result.passed
    assert word in result.because


def test_priority_zero_is_never_a_target() -> None:
    at = s.situation()
    cluster = at.platform.clusters["trading"]
    nodes = {**cluster.nodes, EU: replace(cluster.nodes[EU], priority=0)}
    platform = replace(at.platform, clusters={**at.platform.clusters, "trading": replace(cluster, nodes=nodes)})
    assert "priority 0" in gates.health(s.situation(platform=platform), s.move()).because


@pytest.mark.parametrize(
    ("found", "accepted", "passed"),
    [
        (loss(0), "", True),
        (loss(1 << 20, 5.0), "", True),
        (loss((1 << 20) + 1), "", False),
        (loss(1000, 5.1), "", False),
        (loss(3 << 20), "4MiB", True),
        (loss(3 << 20), "2MiB", False),
        (loss(1000, 8.0), "10s", True),
        (loss(1000, 12.0), "10s", False),
        (loss(None, None), "", False),
        (loss(None, None), "10MiB", False),
        (loss(None, None), "unknown", True),
    ],
)
def test_the_loss_is_within_the_budget_or_accepted_by_name(found: Loss, accepted: str, passed: bool) -> None:
    consent = Consent(accept_loss=accepted, reason="the region burns" if accepted else "", by="somebody")
    result = gates.rpo(s.situation(consent=consent), s.move("unplanned", loss=found))
    assert result.passed is passed
    assert bool(result.consent) is (passed and bool(accepted))


def test_what_the_remedy_prints_is_enough() -> None:
    found = loss(5_345_678, 2.0)
    refused = gates.rpo(s.situation(), s.move("unplanned", loss=found))
    accepted = refused.remedy.split()[1]
    consent = Consent(accept_loss=accepted, reason="read from the refusal", by="somebody")
    assert gates.rpo(s.situation(consent=consent), s.move("unplanned", loss=found)).passed


def test_without_control_only_an_attestation_is_a_fence_and_only_for_an_unplanned_move() -> None:
    silent = s.situation(controls={("trading", US): "no route to host"})
    attested = replace(silent, consent=Consent(attest_fenced=(US,), reason="I pulled the plug", by="somebody"))
    assert not gates.fence(silent, s.move("unplanned")).passed
    assert f"--attest-fenced {US}" in gates.fence(silent, s.move("unplanned")).remedy
    assert "I pulled the plug" in gates.fence(attested, s.move("unplanned")).consent
    assert not gates.fence(attested, s.move("planned")).passed


def test_a_standby_that_knows_more_than_the_target_is_named() -> None:
    ahead = v.pg_replica(position=0x5000000 + 4096)
    dead = {("trading", US): v.silent("trading", US)}
    at = s.situation({**s.healthy(), **dead, ("trading", AP): v.observed("trading", AP, ahead)})
    result = gates.furthest(at, s.move("unplanned"))
    assert not result.passed
    assert f"--to {AP}" in result.remedy


def test_more_to_drain_than_the_budget_refuses() -> None:
    at = s.situation()
    view = at.topology.clusters["trading"]
    slow = replace(view.nodes[EU], lag=Lag(2 << 20, 3.0, 10))
    behind = replace(view, nodes={**view.nodes, EU: slow})
    topology = replace(at.topology, clusters={**at.topology.clusters, "trading": behind})
    assert not gates.lag(replace(at, topology=topology), s.move()).passed


def test_a_cluster_that_sentinel_watches_is_left_to_it() -> None:
    at = s.situation()
    watched = replace(at.platform.clusters["sessions"], sentinels=("10.0.0.9:26379",), sentinel_name="mymaster")
    platform = replace(at.platform, clusters={**at.platform.clusters, "sessions": watched})
    result = gates.sentinel(s.situation(platform=platform), s.move(cluster="sessions"))
    assert not result.passed
    assert "SENTINEL REMOVE mymaster" in result.remedy


@pytest.mark.parametrize(
    ("text", "wanted"), [("5MiB", Bytes(5 << 20)), ("10s", Seconds(10)), ("512", Bytes(512)), ("1m30s", Seconds(90))]
)
def test_a_loss_is_spoken_as_a_size_or_a_duration(text: str, wanted: Bytes | Seconds) -> None:
    found = gates.parse_loss(text)
    assert found == wanted
    assert type(found) is type(wanted)


@pytest.mark.parametrize("text", ["", "lots", "5 parsecs", "-1"])
def test_anything_else_is_not_a_loss(text: str) -> None:
    with pytest.raises(ValueError, match="neither a size nor a duration"):
        gates.parse_loss(text)
