"""What the steps of runs took: counted once, also of a run that was resumed."""

from __future__ import annotations

from msgspec.structs import replace

from qx.app.stepping import Stepping
from qx.model.deed import deed
from qx.model.journal import Entry, Event, Outcome, RunOutcome
from qx.model.snapshot import Stepped
from tests.fakes.record import DONE, ORPHANED, T0, write_record
from tests.fakes.rigs import MemoryRig
from tests.fakes.runs import a_plan, a_run


def test_each_attempt_is_counted_once() -> None:
    store = MemoryRig().open()
    write_record(store)
    stepping = Stepping(T0)
    found = stepping.news(store, store.runs())
    assert Stepped("CloseRoute", "DONE", 0.02) in found
    assert Stepped("CloseRoute", "UNDONE", 0.02) in found
    assert stepping.news(store, store.runs()) == ()
    assert store.run(ORPHANED).outcome is RunOutcome.OPEN
    assert len(found) == 7, "of the two that have ended; steps that the plan does not have are told without a name"


def test_what_ended_before_and_deeds_are_not_counted() -> None:
    store = MemoryRig().open()
    write_record(store)
    run, entries = deed("deed", "arm", (), "ann", T0 + 300, {})
    store.begin(run, None)
    for entry in entries:
        store.append(entry)
    assert Stepping(T0 + 250).news(store, store.runs()) == ()
    assert store.run(DONE).ended_at is not None


def test_one_that_was_resumed_counts_from_there_on() -> None:
    store = MemoryRig().open()
    plan = a_plan()
    store.begin(a_run("run-1", plan, T0), plan)
    step = "trading.close-route"

    def write(seq: int, event: Event, **more: object) -> None:
        store.append(replace(Entry(run="run-1", seq=seq, at=T0 + seq, event=event), **more))

    write(1, Event.STARTED)
    write(2, Event.INTENDED, step=step)
    write(3, Event.ENDED, step=step, outcome=Outcome.UNKNOWN)
    write(4, Event.CLOSED, proof={"outcome": "stuck"})
    stepping = Stepping(T0)
    assert stepping.news(store, store.runs()) == (Stepped("CloseRoute", "UNKNOWN", 1.0),)
    write(5, Event.LEASED, proof={"trading": 3})
    assert stepping.news(store, store.runs()) == ()
    write(6, Event.INTENDED, step=step)
    write(7, Event.ENDED, step=step, outcome=Outcome.DONE)
    write(8, Event.CLOSED, proof={"outcome": "done"})
    assert stepping.news(store, store.runs()) == (Stepped("CloseRoute", "DONE", 1.0),)
