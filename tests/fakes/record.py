"""A record to look at: a run that moved, one that was undone, one whose executor died, and an adoption."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.model.journal import Entry, Event, Outcome
from tests.fakes.runs import a_plan, a_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.ports.store import Store

T0 = 1_772_334_000.0  # 2026-03-01 03:00:00Z
DONE, UNDONE, ORPHANED = "01kjcdone", "01kjcundone", "01kjcorphaned"

Line = tuple[float, Event, str, dict[str, Any]]
_ENDED, _INTENDED = Event.ENDED, Event.INTENDED
_LATE = {
    "code": "QX-RUN-006", "message": "the target did not replay 0/3000148 in time",
    "hint": "Its link is slow or cut: `qx lag`.",
}
_UNSURE = {"code": "QX-RUN-002", "message": "trading.drain: no answer within 2.0 s", "hint": ""}

MOVED: Sequence[Line] = (
    (0.002, Event.LEASED, "", {"proof": {"trading": 4}}),
    (0.001, _INTENDED, "trading.close-route", {}),
    (0.02, _ENDED, "trading.close-route", {"outcome": Outcome.DONE, "proof": {"closed": 1}}),
    (0.001, _INTENDED, "trading.promote", {}),
    (0.11, _ENDED, "trading.promote", {"outcome": Outcome.DONE, "proof": {"timeline": 2, "seen": {"by": ["a", "b"]}}}),
    (0.001, _INTENDED, "trading.open-route", {}),
    (0.01, _ENDED, "trading.open-route", {"outcome": Outcome.DONE, "proof": {"open": "eu-west"}}),
    (0.01, Event.CLOSED, "", {"proof": {"outcome": "done"}}),
)
TAKEN_BACK: Sequence[Line] = (
    (0.002, Event.LEASED, "", {"proof": {"trading": 5}}),
    (0.001, _INTENDED, "trading.close-route", {}),
    (0.02, _ENDED, "trading.close-route", {"outcome": Outcome.DONE, "proof": {"closed": 1}}),
    (0.001, _INTENDED, "trading.drain", {}),
    (2.0, _ENDED, "trading.drain", {"outcome": Outcome.UNKNOWN, "error": _UNSURE}),
    (1.0, _ENDED, "trading.drain", {"outcome": Outcome.FAILED, "error": _LATE}),
    (0.0, Event.ABANDONED, "trading", {}),
    (0.001, Event.UNDOING, "trading.close-route", {}),
    (0.02, Event.UNDO_ENDED, "trading.close-route", {"outcome": Outcome.UNDONE, "proof": {"open": "us-east"}}),
    (0.01, Event.NOTE, "", {"proof": {"expelled": {"trading/us-east": 2}}}),
    (0.01, Event.CLOSED, "", {"proof": {"outcome": "undone"}}),
)
CUT_SHORT: Sequence[Line] = (
    (0.002, Event.LEASED, "", {"proof": {"trading": 6}}),
    (0.001, _INTENDED, "trading.close-route", {}),
    (0.02, _ENDED, "trading.close-route", {"outcome": Outcome.DONE, "proof": {"closed": 1}}),
    (0.001, _INTENDED, "trading.promote", {}),
)


def write_run(store: Store, identity: str, started_at: float, by: str, script: Sequence[Line]) -> None:
    plan = a_plan(f"plan-of-{identity}")
    store.begin(a_run(identity, plan, started_at), plan)
    proof = {"plan": plan.id, "digest": plan.digest, "by": by}
    store.append(Entry(run=identity, seq=1, at=started_at, event=Event.STARTED, proof=proof))
    at = started_at
    for seq, (later, event, step, more) in enumerate(script, 2):
        at += later
        store.append(Entry(run=identity, seq=seq, at=at, event=event, step=step, epoch=4 if step else 0, **more))


def write_record(store: Store) -> None:
    write_run(store, DONE, T0, "alice", MOVED)
    write_run(store, UNDONE, T0 + 60, "bob", TAKEN_BACK)
    write_run(store, ORPHANED, T0 + 120, "alice", CUT_SHORT)
    store.adopt("sessions", 7, "us-east", "ab", "carol", "the old controller burnt", T0 + 200)
