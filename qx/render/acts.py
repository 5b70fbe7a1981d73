"""Acts: the entries of a run paired up. One doing, undoing or settling of a step each, with its beginning and its end.

Settling is observing what an act of unknown outcome came to: its end stands in the journal without a beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from qx.model.journal import Event, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.journal import Entry


class Act(Struct, frozen=True, kw_only=True):
    """`ended_at` None: announced, and nothing more is written of it."""

    seq: int  # of the entry that it begins with
    step: str
    verb: Literal["do", "undo", "settle"]
    started_at: float
    ended_at: float | None = None
    outcome: Outcome | None = None
    epoch: int = 0
    proof: dict[str, Any] = {}
    error: dict[str, Any] | None = None

    @property
    def took_s(self) -> float | None:
        return None if self.ended_at is None else round(max(0.0, self.ended_at - self.started_at), 6)


def acts(entries: Sequence[Entry]) -> tuple[Act, ...]:
    """In the order of their beginning; every end belongs to the latest beginning of its step that has none."""
    told: list[Act] = []
    open_: dict[str, int] = {}  # step -> its act in `told` that has not ended
    for entry in entries:
        if entry.event in (Event.INTENDED, Event.UNDOING):
            open_[entry.step] = len(told)
            verb: Literal["do", "undo"] = "do" if entry.event is Event.INTENDED else "undo"
            told.append(Act(seq=entry.seq, step=entry.step, verb=verb, started_at=entry.at, epoch=entry.epoch))
        elif entry.event in (Event.ENDED, Event.UNDO_ENDED):
            if entry.step not in open_:
                open_[entry.step] = len(told)
                told.append(_settling(told, entry))
            number = open_.pop(entry.step)
            told[number] = replace(
                told[number], ended_at=entry.at, outcome=entry.outcome, epoch=entry.epoch, proof=entry.proof,
                error=entry.error,
            )
    return tuple(told)


def _settling(told: Sequence[Act], entry: Entry) -> Act:
    ends = [act.ended_at for act in told if act.step == entry.step and act.ended_at is not None]
    return Act(seq=entry.seq, step=entry.step, verb="settle", started_at=ends[-1] if ends else entry.at)
