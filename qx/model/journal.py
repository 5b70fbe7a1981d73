"""Run, Entry, Outcome: the append-only record of one execution. Each entry is chained to the one before it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from qx.kernel.canon import chained


class Outcome(StrEnum):
    DONE = "DONE"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    SKIPPED = "SKIPPED"
    UNDONE = "UNDONE"


class Event(StrEnum):
    """What an entry says happened."""

    STARTED = "started"  # the run: plan digest, who, consent
    LEASED = "leased"  # proof: cluster -> epoch; again on resume
    ABANDONED = "abandoned"  # `step` names the stage: what it did is undone (interrupted before its point of no return)
    INTENDED = "intended"  # about to act
    ENDED = "ended"  # the step's outcome
    UNDOING = "undoing"  # about to undo a step
    UNDO_ENDED = "undo-ended"
    NOTE = "note"  # salvage manifest, measured loss, warnings
    CLOSED = "closed"  # the run's outcome


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line. `proof` is what was seen: positions, ids, timelines, digests; never a secret.

    `seq` counts 1, 2, 3... within the run. Defaults are left out of the written form, so that a field added later
    changes no digest of today, and unknown fields are refused, so that nothing can hide beside what was digested.
    """

    run: str
    seq: int
    at: float
    event: Event
    step: str = ""
    outcome: Outcome | None = None
    epoch: int = 0
    proof: dict[str, Any] = {}
    error: dict[str, Any] | None = None  # code, message, hint

    @property
    def sets_outcome(self) -> RunOutcome | None:
        """What the run's outcome becomes by this entry: a lease (again) opens it, CLOSED ends it; None: stays."""
        if self.event is Event.LEASED:
            return RunOutcome.OPEN
        return RunOutcome(self.proof["outcome"]) if self.event is Event.CLOSED and "outcome" in self.proof else None

    def chained_to(self, previous: str) -> Chained:
        """This entry, as JSON keeps it (tuples are lists, NaN is null), bound to the digest before it."""
        from msgspec import json, to_builtins

        written = json.decode(json.encode(self), type=Entry)
        return Chained(written, previous, chained(previous, to_builtins(written)))


class Chained(Struct, frozen=True):
    """An entry with its digest, and that of the entry before it ('' for the first of the store)."""

    entry: Entry
    previous: str
    digest: str


class RunOutcome(StrEnum):
    OPEN = "open"
    DONE = "done"
    DEGRADED = "degraded"  # the write role moved; something not required is left to do
    UNDONE = "undone"  # failed before the point of no return and undone: nothing moved
    PARTIAL = "partial"  # some clusters moved, others were undone
    FAILED = "failed"  # failed where there is nothing to undo: mend the cause and plan again
    STUCK = "stuck"  # an outcome is unknown or an undo failed: resume


class Run(Struct, frozen=True, kw_only=True):
    id: str
    plan_id: str
    plan_digest: str
    intent: str
    started_at: float
    by: str
    outcome: RunOutcome
    ended_at: float | None = None
    clusters: tuple[str, ...] = ()
