from __future__ import annotations

from typing import Any

from qx.failover import checks
from qx.failover.checks import Level
from qx.failover.judge import judge
from qx.failover.openruns import OpenRun
from qx.model.lease import Rule
from qx.model.observation import Silence
from qx.model.topology import Topology
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, NOW, STORE, US


def world(changed: dict[tuple[str, str], Any] | None = None, *rules: Rule) -> Topology:
    seen = v.healthy() | (changed or {})
    return judge(v.platform(), seen, v.endpoints(), {rule.cluster: rule for rule in rules}, STORE, NOW)


def node(region: str, facts: Any) -> dict[tuple[str, str], Any]:
    return {("trading", region): facts if isinstance(facts, Silence) else v.observed("trading", region, facts)}


LAGGING = v.pg_replica(replayed=0x4000000, replay_age_s=30.0)


def test_all_is_well() -> None:
    health = checks.check_health(world())
    assert (health.level, health.summary) == (Level.OK, "2 clusters and 3 regions healthy")
    writer = checks.check_writer(world())
    assert (writer.level, writer.summary) == (Level.OK, "trading in us-east, sessions in us-east")
    lag = checks.check_lag(world(), 10, 60)
    assert (lag.level, lag.summary) == (Level.OK, "4 replicas within 10 s")
    assert {figure.value for figure in lag.figures} == {0}


def test_lag_meets_its_thresholds() -> None:
    topology = world(node(EU, LAGGING))
    assert checks.check_lag(topology, 10, 60).summary == "trading in eu-west 30 s behind"
    assert [checks.check_lag(topology, w, c).level for w, c in ((10, 60), (10, 30), (31, 60))] == [
        Level.WARNING, Level.CRITICAL, Level.OK,
    ]  # fmt: skip


def test_what_is_not_known_is_never_ok() -> None:
    silent = checks.check_lag(world(node(EU, v.silent("trading", EU, "timeout"))), 10, 60)
    assert (silent.level, silent.summary) == (Level.UNKNOWN, "trading in eu-west does not answer")
    writerless = world(node(US, v.silent("trading", US)) | node(EU, v.pg_replica(None)) | node(AP, v.pg_replica(None)))
    assert checks.check_lag(writerless, 10, 60).level is Level.UNKNOWN
    assert checks.check_writer(writerless).level is Level.CRITICAL
    assert checks.check_health(writerless).level is Level.CRITICAL


def test_the_worst_speaks_first_and_unknown_is_less_than_a_warning() -> None:
    topology = world(node(EU, LAGGING) | node(AP, v.silent("trading", AP, "timeout")))
    check = checks.check_lag(topology, 10, 60)
    assert check.level is Level.WARNING
    assert check.summary == "trading in eu-west 30 s behind; trading in ap-southeast does not answer"


def test_a_second_writer_is_critical_although_the_cluster_works() -> None:
    zombie = v.pg_writer(EU, AP, marker=v.marker(1, US))
    topology = world(
        node(US, zombie) | node(EU, v.pg_writer(timeline=2, marker=v.marker(2, EU))),
        Rule(cluster="trading", epoch=2, writer=EU, writer_epoch=2),
    )
    assert checks.check_writer(topology).level is Level.CRITICAL
    assert checks.check_health(topology).level is Level.CRITICAL


def test_a_replica_that_does_not_stream_warns_although_it_lacks_nothing_yet() -> None:
    assert checks.check_lag(world(node(EU, v.pg_replica(None))), 10, 60).level is Level.WARNING


def test_one_region_or_cluster_only() -> None:
    topology = world(node(EU, LAGGING) | {("sessions", AP): v.silent("sessions", AP)})
    assert checks.check_lag(checks.narrowed(topology, "sessions", None), 10, 60).level is Level.UNKNOWN
    assert checks.check_lag(checks.narrowed(topology, None, EU), 10, 60, EU).level is Level.WARNING
    assert checks.check_health(checks.narrowed(topology, "sessions", None)).level is Level.WARNING


def run(*, orphaned: bool) -> OpenRun:
    return OpenRun(run="r1", intent="failover", by="ada", clusters=("trading",), orphaned=orphaned, last_entry_at=NOW,
                   step="fence", stopped_s={"trading": 61.0})  # fmt: skip


def test_orphaned_runs_are_critical_and_running_ones_are_not() -> None:
    assert checks.check_runs(()).summary == "no run is open"
    check = checks.check_runs([run(orphaned=True)])
    assert check.level is Level.CRITICAL
    assert check.summary == "run r1 (failover) is orphaned, trading not writable for 1m01s: qx runs resume r1"
    assert checks.check_runs([run(orphaned=False)]).level is Level.OK
