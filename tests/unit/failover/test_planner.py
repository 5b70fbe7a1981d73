"""Plans as data: lossless, deterministic, and in the one order that loses nothing."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from qx.failover.basis import basis_of, differences
from qx.failover.planner import plan_failback, plan_failover
from qx.failover.rejoin import plan_rejoin
from qx.failover.situation import Situation
from qx.model import plan as p
from qx.model.plan import Consent, Plan, Refusal
from tests.unit.failover import situations as s
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, US

DEAD: dict[tuple[str, str], v.Seen] = {
    ("trading", US): v.silent("trading", US),
    ("sessions", US): v.silent("sessions", US),
}
SPOKEN = Consent(accept_loss="unknown", reason="us-east burns", by="somebody")


def planned() -> Plan:
    made = plan_failover(s.situation(), EU, None, (), ())
    assert isinstance(made, Plan), made
    return made


def unplanned(at: Situation | None = None) -> Plan:
    made = plan_failover(at or s.situation({**s.healthy(), **DEAD}, consent=SPOKEN), EU, None, (), ())
    assert isinstance(made, Plan), made
    return made


def kinds(plan: Plan, stage: str) -> list[str]:
    return [type(step.action).__name__ for step in plan.steps if step.stage == stage]


@pytest.mark.parametrize("made", [planned(), unplanned()])
def test_a_plan_survives_json_with_its_digest(made: Plan) -> None:
    again = msgspec.json.decode(msgspec.json.encode(made), type=Plan)
    assert again == made
    assert again.digest == made.digest


def test_the_same_situation_gives_the_same_bytes() -> None:
    assert msgspec.json.encode(planned()) == msgspec.json.encode(planned())


def test_nothing_is_promoted_before_it_is_fenced_and_drained() -> None:
    order = kinds(planned(), "trading")
    assert order.index("Fence") < order.index("Drain") < order.index("Promote") < order.index("OpenRoute")
    order = kinds(planned(), "sessions")
    assert order.index("Pin") < order.index("Handover") < order.index("OpenRoute")
    order = kinds(unplanned(), "trading")
    assert order.index("Hold") < order.index("Freeze") < order.index("Promote")


def test_every_cluster_is_prepared_before_the_first_client_is_stopped_and_postgresql_goes_first() -> None:
    steps = planned().steps
    first_outage = next(number for number, step in enumerate(steps) if step.outage)
    assert {"trading.prepare", "sessions.prepare"} <= {step.id for step in steps[:first_outage]}
    stages = [step.stage for step in steps if step.outage]
    assert stages == sorted(stages, key=["trading", "sessions"].index)


def test_each_cluster_has_one_point_of_no_return_and_everything_that_changes_before_it_has_an_undo() -> None:
    looking = (p.Recheck, p.Checkpoint, p.Drain)
    for stage in ("trading", "sessions"):
        mine = [step for step in planned().steps if step.stage == stage]
        turns = [number for number, step in enumerate(mine) if step.point_of_no_return]
        assert len(turns) == 1
        assert all(step.undo is not None or isinstance(step.action, looking) for step in mine[: turns[0]])
        assert all(step.undo is None for step in mine[turns[0] :])


def test_an_attested_plan_holds_nothing_and_says_who_attested() -> None:
    consent = replace(SPOKEN, attest_fenced=(US,))
    controls = {key: control for key, control in s.situation().controls.items() if key[1] != US}
    made = unplanned(s.situation({**s.healthy(), **DEAD}, consent=consent, controls=controls))
    attest = next(step.action for step in made.steps if isinstance(step.action, p.Attest))
    assert (attest.by, attest.reason) == ("somebody", "us-east burns")
    assert "Hold" not in kinds(made, "trading")


def test_one_refused_cluster_refuses_the_plan_and_except_leaves_it_out() -> None:
    at = s.situation({**s.healthy(), ("sessions", EU): v.silent("sessions", EU)})
    refusal = plan_failover(at, EU, None, (), ())
    assert isinstance(refusal, Refusal)
    assert not refusal.gates[0].passed
    assert {gate.cluster for gate in refusal.gates if not gate.passed} == {"sessions"}
    made = plan_failover(at, EU, None, (), ("sessions",))
    assert isinstance(made, Plan)
    assert {stage.cluster for stage in made.stages} == {"trading"}


def test_a_healthier_region_where_the_data_may_not_live_is_listed_with_the_reason() -> None:
    at = s.situation()
    regions = {name: replace(region, jurisdictions=(name,)) for name, region in at.platform.regions.items()}
    residency = (replace(s.ALLOWED, to=EU),)
    lawful = replace(at.platform, regions=regions, residency=residency)
    made = plan_failover(s.situation(platform=lawful), EU, None, (), ())
    assert isinstance(made, Plan)
    elsewhere = next(candidate for candidate in made.stages[0].candidates if candidate.region == AP)
    assert not elsewhere.eligible
    assert "no cell for trade_record" in elsewhere.because


def test_a_failback_is_planned_or_refused() -> None:
    away: dict[tuple[str, str], v.Seen] = {
        ("trading", EU): v.observed("trading", EU, v.pg_writer(US, AP)),
        ("trading", US): v.observed("trading", US, v.pg_replica(EU)),
        ("trading", AP): v.observed("trading", AP, v.pg_replica(EU)),
    }
    assert isinstance(plan_failback(s.situation({**s.healthy(), **away}), ()), Plan)
    dead = {**away, ("trading", EU): v.silent("trading", EU)}
    refusal = plan_failback(s.situation({**s.healthy(), **dead}, consent=SPOKEN), ("trading",))
    assert isinstance(refusal, Refusal)
    assert any(gate.gate == "planned" and gate.remedy for gate in refusal.gates if not gate.passed)


def test_a_rejoin_salvages_before_it_resyncs_and_verifies_last() -> None:
    at = s.situation({**s.healthy(), ("trading", AP): v.silent("trading", AP)})
    made = plan_rejoin(at, (), ())
    assert isinstance(made, Plan)
    assert kinds(made, "trading") == ["Recheck", "Hold", "Salvage", "Resync", "Return", "Verify"]
    assert plan_rejoin(s.situation(), (), ()).steps == ()  # type: ignore[union-attr]


def test_a_basis_tells_in_words_what_moved() -> None:
    before = basis_of(s.situation(), ("trading",))
    after = basis_of(s.situation({**s.healthy(), **DEAD}), ("trading",))
    assert differences(before, before) == []
    words = " ".join(differences(before, after))
    assert "trading.writer: was us-east" in words
    assert "trading.us-east" in words
