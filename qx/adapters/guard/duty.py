"""Duty: until when a server may run, and what is due when that is over. Pure: every instant comes in, in seconds of one
clock that nobody can set (CLOCK_BOOTTIME).

Invariants: a deadline that has passed is never taken back, whoever asks; an epoch lower than the highest seen changes
nothing; of one epoch, what was sent later counts, however late the earlier arrives; what is not in force is never
answered as if it were.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

LONGEST_S = 86400.0  # of a term, and of its margin
Due = Literal["", "quit", "kill"]
Why = Literal["epoch", "late", "bad"]


class Term(NamedTuple):
    """`sent`: just before the renewal was sent that grants it. `until`: the deadline; `margin` after it others may
    write. `paused`: until then the server stands still.
    """

    sent: float
    until: float
    margin: float
    paused: bool = False


class Denied(Exception):
    """`why`: 'epoch' a higher one was seen, 'late' there is nothing left to extend, 'bad' it makes no sense."""

    def __init__(self, why: Why, message: str) -> None:
        super().__init__(message)
        self.why: Why = why


class Duty:
    """`term` None: the server runs freely."""

    def __init__(self, epoch: int = 0, term: Term | None = None) -> None:
        self.epoch = epoch
        self.term = term
        self._heard = term.sent if term else float("-inf")  # nothing that was sent before this counts

    def extend(self, epoch: int, term: Term, now: float) -> None:
        """Raises Denied; then nothing has changed."""
        self._check(epoch, now)
        if not (0 <= term.until - term.sent <= LONGEST_S and 0 < term.margin <= LONGEST_S):  # NaN is neither
            raise Denied("bad", f"{term} is no term")
        if term.sent > now:
            raise Denied("bad", f"it was sent {term.sent - now:.3f} s from now: by another clock than the guard's")
        if term.until <= now:
            raise Denied("late", f"it ended {now - term.until:.3f} s before it arrived")
        if epoch == self.epoch and term.sent < self._heard:
            raise Denied("late", f"it was sent {self._heard - term.sent:.3f} s before what the guard heard last")
        self.epoch, self.term, self._heard = epoch, term, term.sent

    def disarm(self, epoch: int, now: float) -> None:
        """The server runs freely again. Raises Denied."""
        self._check(epoch, now)
        self.epoch, self.term, self._heard = epoch, None, now

    def _check(self, epoch: int, now: float) -> None:
        if self.due(now):
            raise Denied("late", "the deadline has passed, the server is being ended")
        if epoch < self.epoch:
            raise Denied("epoch", f"epoch {epoch} is refused, the guard has seen {self.epoch}")

    def pauses(self, now: float) -> bool:
        """Whether the server is to stand still. One that is due is to end."""
        return self.term is not None and self.term.paused and not self.due(now)

    def due(self, now: float) -> Due:
        if self.term is None or now < self.term.until:
            return ""
        return "quit" if now < self._kill_at(self.term) else "kill"

    def next(self, now: float) -> float | None:
        """When to look again; None: not before somebody asks."""
        if self.term is None:
            return None
        return self.term.until if now < self.term.until else self._kill_at(self.term)

    def left(self, now: float) -> float | None:
        """Seconds until the deadline, never below 0; None without one."""
        return None if self.term is None else max(0.0, self.term.until - now)

    @staticmethod
    def _kill_at(term: Term) -> float:
        return term.until + term.margin / 2
