"""Laws of judging that hold for every set of observations."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.failover.judge import judge
from qx.failover.lag import lag
from qx.failover.sight import facts_of, takes_writes
from qx.model.lease import Rule
from qx.model.observation import Observation, PgFacts, Silence
from qx.model.topology import Cause, Role, Topology, Verdict
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, NOW, US

REGIONS = (US, EU, AP)
regions = st.sampled_from(REGIONS)
markers = st.none() | st.builds(v.marker, st.integers(1, 4), regions, st.sampled_from(["store-a", "store-b"]))
positions = st.sampled_from([0x4000000, 0x5000000, 0x6000000])
reasons = st.sampled_from(["refused", "timeout", "unreachable", "auth", "protocol", "secret", "starting"])

pg_writers = st.builds(
    lambda replicas, **changed: v.pg_writer(*replicas, **changed),
    st.sets(regions),
    timeline=st.integers(1, 3),
    position=positions,
    marker=markers,
)
pg_replicas = st.builds(
    v.pg_replica,
    st.none() | regions,
    st.sampled_from([0.1, 50.0]),
    timeline=st.integers(1, 3),
    position=positions,
    replayed=positions,
    replay_paused=st.booleans(),
    replay_age_s=st.none() | st.floats(0, 1e6),
    marker=markers,
    system_id=st.sampled_from(["7000", "7000", "7001"]),
)
redis_masters = st.builds(v.redis_master, marker=markers, offset=positions)
redis_replicas = st.builds(v.redis_replica, regions, marker=markers, offset=positions, link_up=st.booleans())


@st.composite
def worlds(draw: st.DrawFn) -> dict[tuple[str, str], Observation | Silence]:
    """Any state of each node, some not observed at all."""
    world: dict[tuple[str, str], Observation | Silence] = {}
    for subject, facts in (("trading", pg_writers | pg_replicas), ("sessions", redis_masters | redis_replicas)):
        for region in REGIONS:
            seen = st.builds(v.observed, st.just(subject), st.just(region), facts)
            silence = st.builds(v.silent, st.just(subject), st.just(region), reasons)
            if (each := draw(st.none() | seen | silence)) is not None:
                world[subject, region] = each
    return world


rules = st.builds(
    lambda epoch, writer, made: Rule(cluster="trading", epoch=epoch, writer=writer, writer_epoch=min(made, epoch)),
    st.integers(0, 4),
    st.none() | regions,
    st.integers(0, 4),
).map(lambda rule: {"trading": rule, "sessions": replace(rule, cluster="sessions")})
webs = st.dictionaries(regions, st.booleans()).map(
    lambda up: {(r, "web"): v.endpoint(r) if ok else v.silent("web", r, "timeout") for r, ok in up.items()}
)
stores = st.sampled_from(["store-a", ""])


def judged(world: Any, webs: Any, rules: Any, store: str) -> Topology:
    return judge(v.platform(), world, webs, rules, store, NOW)


@given(worlds(), webs, rules, stores)
def test_every_world_has_a_judgement_that_survives_json_and_explains_itself(
    world: Any, webs: Any, rules: Any, store: str
) -> None:
    topology = judged(world, webs, rules, store)
    assert msgspec.json.decode(msgspec.json.encode(topology), type=Topology) == topology
    for view in topology.clusters.values():
        assert view.because
        assert all(node.note for node in view.nodes.values())
        assert (view.cause is Cause.NONE) == (view.verdict is Verdict.HEALTHY)
    assert all(region.because for region in topology.regions.values())


@given(worlds(), webs, rules, stores)
def test_there_is_never_more_than_one_lawful_writer_and_it_was_seen_writing(
    world: Any, webs: Any, rules: Any, store: str
) -> None:
    for view in judged(world, webs, rules, store).clusters.values():
        writing = {region for region, node in view.nodes.items() if _writes(node.seen)}
        assert {r for r, node in view.nodes.items() if node.role in {Role.WRITER, Role.STALE_WRITER}} == writing
        if view.writer is not None:
            assert view.nodes[view.writer].role is Role.WRITER
        if len(writing) > 1:
            assert view.verdict is not Verdict.HEALTHY
        if view.recorded_writer is not None and view.writer is not None:
            assert view.writer == view.recorded_writer


@given(worlds(), webs, rules, stores)
def test_what_may_have_been_promoted_since_is_never_called_stale(world: Any, webs: Any, rules: Any, store: str) -> None:
    """A stale writer is stopped without asking; a newer timeline may be a promotion that nobody recorded yet."""
    view = judged(world, webs, rules, store).clusters["trading"]
    lawful = facts_of(view.nodes[view.writer].seen) if view.writer else None
    for node in view.nodes.values():
        facts = facts_of(node.seen)
        if node.role is Role.STALE_WRITER and isinstance(lawful, PgFacts) and isinstance(facts, PgFacts):
            assert (facts.system_id, facts.timeline <= lawful.timeline) == (lawful.system_id, True)


@given(worlds(), webs, rules, stores)
def test_silence_alone_is_never_death(world: Any, webs: Any, rules: Any, store: str) -> None:
    """Down needs a witness: some node of the cluster that answers, or the region of the one that refused."""
    for name, view in judged(world, webs, rules, store).clusters.items():
        heard = [node for node in view.nodes.values() if facts_of(node.seen) is not None]
        if not heard and not any(isinstance(seen, Observation) for seen in (*world.values(), *webs.values())):
            assert view.verdict is Verdict.UNKNOWN, name
        if view.cause is Cause.WRITER_DEAD and heard:
            dead = next(r for r, node in view.nodes.items() if node.cause is Cause.WRITER_DEAD)
            assert not any(node.upstream == dead and node.streaming for node in heard)


@given(worlds(), webs, rules, stores)
def test_the_order_in_which_answers_arrive_changes_nothing(world: Any, webs: Any, rules: Any, store: str) -> None:
    backwards = dict(reversed(world.items()))
    assert judged(world, webs, rules, store) == judged(backwards, webs, rules, store)


@given(worlds(), webs, rules, stores)
def test_an_epoch_is_never_forgotten(world: Any, webs: Any, rules: Any, store: str) -> None:
    for name, view in judged(world, webs, rules, store).clusters.items():
        assert view.epoch >= rules[name].epoch


@given(pg_writers, pg_replicas)
def test_lag_is_never_negative_and_nothing_missing_means_no_lag_at_all(writer: Any, replica: Any) -> None:
    found = lag(writer, replica, (), NOW)
    assert all(value is None or value >= 0 for value in (found.bytes, found.seconds, found.transactions))
    assert (found.bytes == 0) == (found.seconds == 0.0 and found.transactions == 0 and not found.because) or found.bytes
    if None in (found.bytes, found.seconds, found.transactions):
        assert found.because


@given(pg_writers, pg_replicas, st.integers(0, 1 << 30))
def test_a_writer_that_writes_on_never_brings_a_replica_nearer(writer: Any, replica: Any, more: int) -> None:
    before = lag(writer, replica, (), NOW).bytes
    after = lag(replace(writer, position=writer.position + more), replica, (), NOW).bytes
    if before is not None and after is not None:
        assert after >= before


def _writes(seen: Observation | Silence) -> bool:
    facts = facts_of(seen)
    return facts is not None and takes_writes(facts)
