"""The contract of `qx.ports.store.Store`, on every implementation of it.

On etcd, leases run out in real time: those tests wait a few seconds each.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from qx.engine.chain import verify
from qx.kernel.errors import QxError, Refused
from qx.model.deed import deed
from qx.model.journal import Entry, Event, Outcome, RunOutcome
from qx.model.lease import Lease, Maintenance
from qx.model.observation import Sample
from tests.fakes.runs import a_plan, a_run, an_entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.ports.store import Store
    from tests.fakes.rigs import Rig

TTL = 15.0  # of what is not to run out


@pytest.fixture
def store(rig: Rig) -> Store:
    return rig.open()


def lost(store: Store, lease: Lease) -> bool:
    try:
        store.check(lease)
    except Refused as error:
        return error.code == "QX-STORE-002"
    return False


# -- leases and epochs

def test_the_first_epoch_is_one_and_each_grant_is_higher(store: Store) -> None:
    (first,) = store.acquire(("trading",), "run-1", TTL)
    store.release((first,))
    (second,) = store.acquire(("trading",), "run-2", TTL)
    assert (first.epoch, second.epoch) == (1, 2)
    assert store.rules()["trading"].epoch == 2


def test_a_lease_says_until_when(rig: Rig, store: Store) -> None:
    before = rig.wall()
    (lease,) = store.acquire(("trading",), "run-1", TTL)
    assert lease == Lease("trading", "run-1", 1, lease.until)
    assert before + TTL <= lease.until <= rig.wall() + TTL


def test_another_run_is_refused_while_the_lease_is_in_force(rig: Rig, store: Store) -> None:
    (lease,) = store.acquire(("trading",), "run-1", TTL)
    for attempt in (rig.open().acquire, rig.open().seize, store.acquire):
        with pytest.raises(Refused, match="run-1") as refused:
            attempt(("trading",), "run-2", TTL)
        assert refused.value.code == "QX-STORE-001"
    store.check(lease)


def test_another_run_gets_it_once_it_has_run_out(rig: Rig, store: Store) -> None:
    (lease,) = store.acquire(("trading",), "run-1", rig.ttl)
    store.check(lease)
    rig.run_out(lambda: lost(store, lease))
    (taken,) = rig.open().acquire(("trading",), "run-2", TTL)
    assert taken.epoch == lease.epoch + 1
    assert lost(store, lease)


def test_several_clusters_are_granted_together_or_not_at_all(rig: Rig, store: Store) -> None:
    store.acquire(("sessions",), "run-1", TTL)
    with pytest.raises(Refused):
        rig.open().acquire(("book", "sessions", "trading"), "run-2", TTL)
    assert list(store.rules()) == ["sessions"]
    assert [lease.cluster for lease in store.leases()] == ["sessions"]


def test_a_run_that_holds_its_leases_gets_new_epochs(store: Store) -> None:
    (old,) = store.acquire(("trading",), "run-1", TTL)
    (new,) = store.acquire(("trading",), "run-1", TTL)
    assert new.epoch == old.epoch + 1
    assert lost(store, old)
    store.check(new)


def test_only_seize_takes_a_run_from_another_executor(rig: Rig, store: Store) -> None:
    (old,) = store.acquire(("trading",), "run-1", TTL)
    elsewhere = rig.open()
    with pytest.raises(Refused) as refused:
        elsewhere.acquire(("trading",), "run-1", TTL)
    assert refused.value.code == "QX-STORE-001"
    (new,) = elsewhere.seize(("trading",), "run-1", TTL)
    assert new.epoch == old.epoch + 1
    assert lost(store, old)
    with pytest.raises(Refused):
        store.acquire(("trading",), "run-1", TTL)
    elsewhere.check(new)


def test_renew_keeps_the_epoch_and_moves_the_end(rig: Rig, store: Store) -> None:
    leases = store.acquire(("sessions", "trading"), "run-1", rig.ttl)
    rig.advance(2 / 3)
    renewed = store.renew(leases, rig.ttl)
    assert [lease.epoch for lease in renewed] == [lease.epoch for lease in leases]
    assert all(new.until > old.until for new, old in zip(renewed, leases, strict=True))
    rig.advance(2 / 3)
    for lease in (*leases, *renewed):
        store.check(lease)


def test_renew_of_a_lost_lease_is_refused_and_moves_none_of_the_others(rig: Rig, store: Store) -> None:
    book, trading = store.acquire(("book", "trading"), "run-1", rig.ttl)
    store.release((trading,))
    rig.open().acquire(("trading",), "run-2", TTL)
    rig.advance(1 / 3)
    with pytest.raises(Refused) as refused:
        store.renew((book, trading), 20 * TTL)
    assert refused.value.code == "QX-STORE-002"
    rig.run_out(lambda: lost(store, book), 2 / 3)


def test_a_lease_that_ran_out_is_not_renewed_even_if_nobody_took_it(rig: Rig, store: Store) -> None:
    leases = store.acquire(("trading",), "run-1", rig.ttl)
    rig.run_out(lambda: lost(store, leases[0]))
    with pytest.raises(Refused):
        store.renew(leases, TTL)


def test_release_frees_at_once_and_spares_the_leases_of_others(rig: Rig, store: Store) -> None:
    old = store.acquire(("trading",), "run-1", TTL)
    store.release(old)
    assert store.leases() == ()
    assert lost(store, old[0])
    (new,) = rig.open().acquire(("trading",), "run-2", TTL)
    store.release(old)
    store.check(new)


def test_leases_lists_those_in_force(rig: Rig, store: Store) -> None:
    (short,) = store.acquire(("book",), "run-1", rig.ttl)
    (held,) = store.acquire(("sessions",), "run-2", 4 * TTL)
    assert store.leases() == (short, held)
    rig.run_out(lambda: lost(store, short))
    assert rig.open().leases() == (held,)


@pytest.mark.parametrize(
    "step", [-86_400.0, pytest.param(-5.0, marks=pytest.mark.slow), pytest.param(5.0, marks=pytest.mark.slow), 86_400.0]
)
def test_a_step_of_the_wall_clock_moves_no_lease(rig: Rig, store: Store, step: float) -> None:
    (lease,) = store.acquire(("trading",), "run-1", rig.ttl)
    rig.step(step)
    rig.advance(1 / 4)
    store.check(lease)
    with pytest.raises(Refused):
        rig.open().acquire(("trading",), "run-2", TTL)
    rig.run_out(lambda: lost(store, lease), 3 / 4)


def test_the_recorded_writer_and_when_it_moved(store: Store) -> None:
    (lease,) = store.acquire(("trading",), "run-1", TTL)
    store.record_writer(lease, "eu-west", "7/2", 100.0)
    rule = store.rules()["trading"]
    assert (rule.writer, rule.writer_epoch, rule.lineage, rule.moved_at) == ("eu-west", lease.epoch, "7/2", 100.0)
    store.record_writer(lease, "eu-west", "7/2", 200.0)
    assert store.rules()["trading"].moved_at == 100.0
    store.record_writer(lease, "us-east", "7/3", 300.0)
    assert store.rules()["trading"].moved_at == 300.0


def test_a_later_grant_keeps_the_recorded_writer(store: Store) -> None:
    (lease,) = store.acquire(("trading",), "run-1", TTL)
    store.record_writer(lease, "eu-west", "7/2", 100.0)
    store.acquire(("trading",), "run-1", TTL)
    rule = store.rules()["trading"]
    assert (rule.epoch, rule.writer, rule.writer_epoch) == (2, "eu-west", 1)


def test_a_lost_lease_records_no_writer(rig: Rig, store: Store) -> None:
    (lease,) = store.acquire(("trading",), "run-1", rig.ttl)
    rig.run_out(lambda: lost(store, lease))
    with pytest.raises(Refused) as refused:
        store.record_writer(lease, "eu-west", "7/2", 100.0)
    assert refused.value.code == "QX-STORE-002"
    assert store.rules()["trading"].writer is None


# -- adoption

@pytest.mark.parametrize(("seen", "expected"), [(0, 2), (1, 2), (7, 8)])
def test_adopt_rises_above_what_was_seen_and_what_was_granted(store: Store, seen: int, expected: int) -> None:
    store.release(store.acquire(("trading",), "run-1", TTL))
    rule = store.adopt("trading", seen, "us-east", "7/1", "alice", "the old controller burnt", 50.0)
    assert (rule.epoch, rule.writer, rule.writer_epoch, rule.lineage) == (expected, "us-east", expected, "7/1")
    assert store.rules()["trading"] == rule
    (lease,) = store.acquire(("trading",), "run-2", TTL)
    assert lease.epoch == expected + 1


def test_adopt_of_a_cluster_that_nobody_knew(store: Store) -> None:
    assert store.adopt("trading", 0, None, "", "alice", "new", 50.0).epoch == 1


def test_adopt_is_a_run_of_its_own_in_the_journal(store: Store) -> None:
    store.adopt("trading", 4, "us-east", "7/1", "alice", "the old controller burnt", 50.0)
    (run,) = store.runs()
    assert (run.intent, run.by, run.outcome, run.clusters) == ("adopt", "alice", RunOutcome.DONE, ("trading",))
    started, closed = (chained.entry for chained in store.entries(run.id))
    assert (started.event, closed.event) == (Event.STARTED, Event.CLOSED)
    assert started.proof["reason"] == "the old controller burnt"
    assert (started.proof["from_epoch"], started.proof["to_epoch"]) == (0, 5)
    assert verify(store.chain()) == []
    with pytest.raises(QxError, match="no plan") as missing:
        store.plan(run.id)
    assert missing.value.code == "QX-RUN-004"


def test_adopt_waits_for_the_run_that_holds_the_cluster(rig: Rig, store: Store) -> None:
    (lease,) = store.acquire(("trading",), "run-1", rig.ttl)
    with pytest.raises(Refused) as refused:
        rig.open().adopt("trading", 9, None, "", "alice", "now", 50.0)
    assert refused.value.code == "QX-STORE-001"
    assert store.runs() == ()
    store.check(lease)
    rig.run_out(lambda: lost(store, lease))
    store.adopt("trading", 9, None, "", "alice", "now", 50.0)
    rig.advance(-1.0)
    assert lost(store, lease)


# -- journal

def test_a_plan_round_trips_whole(store: Store) -> None:
    plan = a_plan(clusters=("sessions", "trading"))
    store.begin(a_run(plan=plan), plan)
    assert store.plan("run-1") == plan
    assert store.plan("run-1").digest == plan.digest
    assert store.run("run-1") == a_run(plan=plan)


def test_a_plan_begins_one_run_only(rig: Rig, store: Store) -> None:
    store.begin(a_run("run-1"), a_plan())
    with pytest.raises(Refused, match="run-1") as refused:
        rig.open().begin(a_run("run-2"), a_plan())
    assert refused.value.code == "QX-PLAN-003"
    assert [run.id for run in store.runs()] == ["run-1"]


def test_entries_come_back_as_written_and_chained(store: Store) -> None:
    store.begin(a_run(), a_plan())
    proof = {"position": 2**53 + 1, "nested": {"list": [1, 2.5, None, True], "text": "Ωµ\n\"'"}}
    error = {"code": "QX-RUN-007", "message": "late", "hint": ""}
    written = [
        an_entry(1, event=Event.STARTED),
        an_entry(2, event=Event.ENDED, step="trading.drain", outcome=Outcome.DONE, epoch=3, proof=proof),
        an_entry(3, event=Event.ENDED, outcome=Outcome.FAILED, error=error),
    ]
    returned = (*store.append(written[0]), *store.append(*written[1:]))
    assert store.entries("run-1") == store.chain() == returned
    assert [chained.entry for chained in returned] == written
    assert returned[0].previous == ""
    assert verify(store.chain()) == []


def test_what_json_changes_breaks_no_chain(store: Store) -> None:
    store.begin(a_run(), a_plan())
    proof = {9: "nine", 10: "ten", "pair": (1, 2), "outcome": Outcome.DONE, "nan": math.nan}
    store.append(an_entry(1, proof=proof))
    store.append(Entry(run="run-1", seq=2, at=12, event=Event.NOTE))
    assert store.chain()[0].entry.proof == {"9": "nine", "10": "ten", "pair": [1, 2], "outcome": "DONE", "nan": None}
    assert verify(store.chain()) == []


def test_one_chain_runs_through_all_runs(rig: Rig, store: Store) -> None:
    other = rig.open()
    store.begin(a_run("run-1"), a_plan("plan-1"))
    other.begin(a_run("run-2", a_plan("plan-2")), a_plan("plan-2"))
    digests = [
        store.append(an_entry(1))[0].digest,
        other.append(an_entry(1, "run-2"))[0].digest,
        store.append(an_entry(2))[0].digest,
    ]
    assert [chained.previous for chained in store.chain()] == ["", *digests[:2]]
    assert [chained.entry.run for chained in other.chain()] == ["run-1", "run-2", "run-1"]
    assert [chained.digest for chained in store.entries("run-1")] == [digests[0], digests[2]]
    assert verify(store.chain()) == []


def test_several_entries_are_written_all_or_none(store: Store) -> None:
    store.begin(a_run(), a_plan())
    store.append(an_entry(1))
    for wrong in ((an_entry(2), an_entry(4)), (an_entry(2), an_entry(2)), (an_entry(1), an_entry(2))):
        with pytest.raises(Refused) as refused:
            store.append(*wrong)
        assert refused.value.code == "QX-STORE-002"
        assert len(store.chain()) == 1
    store.append(an_entry(2), an_entry(3, event=Event.CLOSED, proof={"outcome": "done"}))
    assert [each.entry.seq for each in store.chain()] == [1, 2, 3]
    assert store.run("run-1").outcome is RunOutcome.DONE
    assert verify(store.chain()) == []


@pytest.mark.parametrize("seq", [0, 1, 2, 4, -1])
def test_an_executor_that_was_overtaken_cannot_write(rig: Rig, store: Store, seq: int) -> None:
    store.begin(a_run(), a_plan())
    store.append(an_entry(1))
    rig.open().append(an_entry(2))
    with pytest.raises(Refused) as refused:
        store.append(an_entry(seq))
    assert refused.value.code == "QX-STORE-002"
    assert len(store.chain()) == 2


def test_a_run_that_never_began_has_no_entries(store: Store) -> None:
    for attempt in (lambda: store.append(an_entry(1)), lambda: store.close("run-1", RunOutcome.DONE, 1.0),
                    lambda: store.entries("run-1"), lambda: store.plan("run-1")):
        with pytest.raises(QxError) as unknown:
            attempt()
        assert unknown.value.code == "QX-RUN-004"


def test_close_and_open_again(store: Store) -> None:
    store.begin(a_run(), a_plan())
    store.close("run-1", RunOutcome.STUCK, 20.0)
    assert (store.run("run-1").outcome, store.run("run-1").ended_at) == (RunOutcome.STUCK, 20.0)
    store.close("run-1", RunOutcome.OPEN, 21.0)
    assert (store.run("run-1").outcome, store.run("run-1").ended_at) == (RunOutcome.OPEN, None)
    store.close("run-1", RunOutcome.DONE, 30.0)
    assert (store.run("run-1").outcome, store.run("run-1").ended_at) == (RunOutcome.DONE, 30.0)


def test_the_outcome_follows_the_journal_in_the_same_write(store: Store) -> None:
    store.begin(a_run(), a_plan())
    seen = []
    for seq, (event, proof) in enumerate([
        (Event.LEASED, {"trading": 1}), (Event.CLOSED, {"outcome": "stuck"}),
        (Event.LEASED, {"trading": 2}), (Event.NOTE, {"outcome": "done"}), (Event.CLOSED, {"outcome": "degraded"}),
    ], 1):
        store.append(an_entry(seq, event=event, proof=proof))
        seen.append((store.run("run-1").outcome, store.run("run-1").ended_at))
    assert seen == [
        (RunOutcome.OPEN, None), (RunOutcome.STUCK, 12.0), (RunOutcome.OPEN, None), (RunOutcome.OPEN, None),
        (RunOutcome.DEGRADED, 15.0),
    ]


def test_runs_are_listed_latest_first(store: Store) -> None:
    for n, started in enumerate((20.0, 10.0, 30.0)):
        plan = a_plan(f"plan-{n}")
        store.begin(a_run(f"run-{n}", plan, started), plan)
    assert [run.id for run in store.runs()] == ["run-2", "run-0", "run-1"]
    assert [run.id for run in store.runs(2)] == ["run-2", "run-0"]


def test_a_run_is_found_by_a_unique_prefix(store: Store) -> None:
    for name in ("abc1", "abc12", "abd"):
        plan = a_plan(f"plan-{name}")
        store.begin(a_run(name, plan), plan)
    assert store.run("abd").id == store.run("abd"[:3]).id == "abd"
    assert store.run("abc1").id == "abc1"
    assert store.run("abc12").id == "abc12"
    for wrong in ("ab", "abc", "x", "", "%", "ab_", "ABD"):
        with pytest.raises(QxError) as unknown:
            store.run(wrong)
        assert unknown.value.code == "QX-RUN-004"


# -- samples

def test_samples_by_cluster_and_age(rig: Rig, store: Store) -> None:
    early, late = (Sample("trading", "us-east", at, "7/1", 2**62 + int(at), 9, at + 0.5) for at in (10.0, 20.0))
    other = Sample("sessions", "us-east", 20.0, "ab" * 20, 5, 0)
    store.keep_samples((late, other))
    store.keep_samples((early,))
    store.keep_samples(())
    assert rig.open().samples("trading", 0.0) == (early, late)
    assert store.samples("trading", 10.5) == (late,)
    assert store.samples("sessions", 20.0) == (other,)
    assert store.samples("book", 0.0) == ()


# -- maintenance

def test_maintenance_is_in_force_from_its_beginning_until_before_its_end(rig: Rig, store: Store) -> None:
    window = Maintenance(scope="trading", owner="alice", reason="kernel", since=100.0, until=200.0)
    store.set_maintenance(window)
    assert [bool(rig.open().maintenance(at)) for at in (99.0, 100.0, 199.0, 200.0)] == [False, True, True, False]


def test_a_later_window_replaces_and_off_ends_it(store: Store) -> None:
    for until in (200.0, 300.0):
        store.set_maintenance(Maintenance(scope="*", owner="alice", reason="x", since=100.0, until=until))
    (window,) = store.maintenance(150.0)
    assert window.until == 300.0
    assert store.end_maintenance("*")
    assert not store.end_maintenance("*")
    assert store.maintenance(150.0) == ()


# -- identity

def test_all_who_open_it_see_one_store_id(rig: Rig, store: Store) -> None:
    assert store.store_id
    assert rig.open().store_id == store.store_id


# -- records


def test_a_record_is_what_was_put_last(store: Store) -> None:
    assert store.record("arming", "trading") is None
    first = store.put("arming", "trading", {"by": "ada", "epochs": [1, 2]})
    second = store.put("arming", "trading", {"by": "bob"})
    store.put("arming", "sessions", {"by": "eve"})
    store.put("ack", "trading", {"by": "ada"})
    assert first.value == {"by": "ada", "epochs": [1, 2]}
    assert second.revision > first.revision
    assert store.record("arming", "trading") == second
    by = {each.key: each.value["by"] for each in store.records("arming")}
    assert list(by.items()) == [("sessions", "eve"), ("trading", "bob")]


def test_of_two_who_change_a_record_one_is_refused(rig: Rig, store: Store) -> None:
    other = rig.open()
    seen = store.put("arming", "trading", {"by": "ada"}, expect=0)
    other.put("arming", "trading", {"by": "bob"}, expect=seen.revision)
    attempts: list[Callable[[], object]] = [
        lambda: store.put("arming", "trading", {"by": "ada"}, expect=seen.revision),
        lambda: store.put("arming", "trading", {"by": "ada"}, expect=0),
        lambda: store.drop("arming", "trading", expect=seen.revision),
    ]
    for attempt in attempts:
        with pytest.raises(Refused) as refused:
            attempt()
        assert refused.value.code == "QX-STORE-008"
    assert store.records("arming")[0].value == {"by": "bob"}


def test_a_dropped_record_comes_back_under_a_higher_revision(store: Store) -> None:
    first = store.put("arming", "trading", {})
    assert store.drop("arming", "trading", expect=first.revision) is True
    assert store.drop("arming", "trading") is False
    assert store.records("arming") == ()
    assert store.put("arming", "trading", {}, expect=0).revision > first.revision


def test_a_record_runs_out_unless_it_is_put_again(rig: Rig, store: Store) -> None:
    store.put("grant-live", "trading", {}, ttl=rig.ttl)
    rig.advance(2 / 3)
    before = rig.wall()
    until = store.put("grant-live", "trading", {}, ttl=rig.ttl).until
    assert until is not None
    assert before + rig.ttl <= until <= rig.wall() + rig.ttl
    rig.advance(2 / 3)
    assert store.record("grant-live", "trading") is not None
    rig.run_out(lambda: store.record("grant-live", "trading") is None, 1 / 3)
    assert store.records("grant-live") == ()
    assert store.drop("grant-live", "trading") is False
    store.put("grant-live", "trading", {}, expect=0)


def test_a_deed_is_a_run_without_a_plan(store: Store) -> None:
    run, entries = deed("d1", "arm", ("trading",), "ada", 5.0, {"reason": "drilled"})
    store.begin(run, None)
    for entry in entries:
        store.append(entry)
    assert store.run("d1") == run
    assert [each.entry for each in store.entries("d1")] == list(entries)
