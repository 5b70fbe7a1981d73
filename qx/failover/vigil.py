"""Vigil: is the writer gone, and since when? A fold over looks at one cluster, pure.

Gone needs two things: nobody hears the writer (the judgement `writer-dead`: it does not answer, and no replica that
answers receives from it), and a reason that holds, which the control beside the server gives. A crash is a fact. A
clean stop may be a restart: it waits. A process that runs and answers nobody hangs: it waits too. Where no control
answers, only a lease that ran out under a guard proves anything: the looks are counted, and the proof is sought.
Never: takes one silence, or qx's own view alone, for a death.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from qx.kernel.spans import format_seconds
from qx.model.control import PgControl
from qx.model.topology import Cause

if TYPE_CHECKING:
    from qx.config.profiles import Watch
    from qx.model.control import Control
    from qx.model.topology import ClusterView

FLAP_MEMORY_S = 600.0  # a writer that went and came back within this makes the next absence wait longer
FLAPS_COUNTED = 3
RAN = frozenset({"in production", "in crash recovery", "in archive recovery", "starting up", "shutting down"})


class End(StrEnum):
    """What the control beside the server says of its process."""

    RUNS = "runs"  # and answers beside it: whoever cannot reach it is cut off, not it dead
    HANGS = "hangs"  # its process runs, and answers nobody
    CRASHED = "crashed"
    STOPPED = "stopped"
    UNKNOWN = "unknown"  # no control, or it does not answer


class Finding(StrEnum):
    WELL = "well"
    SUSPECT = "suspect"  # something is wrong, and nobody says yet that the writer is gone
    WAITING = "waiting"  # it is gone, and may come back within its grace
    GONE = "gone"
    UNPROVEN = "unproven"  # it is gone as far as anybody sees, and nothing proves that it cannot write


class Vigil(Struct, frozen=True):
    """What is remembered of a cluster from look to look. Instants are `Clock.elapsed`."""

    since: float | None = None  # the writer was first found gone, for the reason that is known
    region: str | None = None  # where it stood
    end: End = End.UNKNOWN  # what its control last said
    looks: int = 0  # that found it gone, in a row
    flaps: tuple[float, ...] = ()  # when it came back
    ended: float | None = None  # its control first said that it has no process, and at every look since
    looked: float = -math.inf  # the last look


class Watched(Struct, frozen=True):
    finding: Finding
    because: str
    wait_s: float = 0.0  # what is left of the grace


def end_of(control: Control | None, *, answers: bool = True) -> End:
    """`answers`: whether the server says anything to somebody beside it."""
    if control is None:
        return End.UNKNOWN
    if control.running:
        return End.RUNS if answers else End.HANGS
    if control.exited:
        return End.CRASHED if control.exited == "crash" else End.STOPPED  # an expired one is started again beside it
    if isinstance(control, PgControl):
        return End.CRASHED if control.state in RAN else End.STOPPED
    return End.STOPPED  # a Redis leaves no trace of how it ended: the longer wait


def heed(
    vigil: Vigil, view: ClusterView, end: End, watch: Watch, at: float, answered: float | None = None,
    quiet: int = 0,
) -> tuple[Vigil, Watched]:
    """The vigil after one look, and what is to be thought of the writer now. `answered`: when it last did, if ever.
    `quiet`: so many looks just before this one nobody heard it, which was no proof yet.
    """
    flaps = tuple(each for each in vigil.flaps if at - each < FLAP_MEMORY_S)
    if view.cause is not Cause.WRITER_DEAD:
        came_back = vigil.since is not None and view.writer is not None and view.writer == vigil.region
        kept = Vigil(flaps=(*flaps, at)[-FLAPS_COUNTED:] if came_back else flaps)
        if view.cause in (Cause.WRITER_SILENT, Cause.NOTHING_ANSWERS, Cause.NO_WRITER):
            return kept, Watched(Finding.SUSPECT, view.because)
        return kept, Watched(Finding.WELL, view.because)
    again = end is not vigil.end and End.UNKNOWN not in (end, vigil.end)  # a stopped one that was started, say
    silent = min(at, answered) if answered is not None else at
    first = silent if end is End.HANGS else at
    since = first if vigil.since is None or again else vigil.since
    last = vigil.end if end is End.UNKNOWN else end
    # While nobody looked, or could tell, it may have been started, have written, and have ended again.
    told = vigil.ended is not None and not again and at - vigil.looked <= watch.probe + watch.stall
    ended = (vigil.ended if told else at) if end in (End.CRASHED, End.STOPPED) else None
    before = 0 if again else max(vigil.looks, quiet if end is End.UNKNOWN else 0)
    now = Vigil(since, missing(view), last, before + 1, flaps, ended, at)
    if end is End.RUNS:
        return Vigil(flaps=flaps), Watched(Finding.SUSPECT, f"{view.because}; but its server answers beside it")
    grace, what = _grace(end, watch)
    grace *= 2 ** len(flaps) if end is not End.CRASHED else 1
    left = (min(since, silent) if end is End.UNKNOWN else since) + grace - at
    if left > 0 or (end is not End.CRASHED and now.looks < watch.confirm):
        wait = max(0.0, left)
        return now, Watched(Finding.WAITING, f"{view.because}; {what}, {format_seconds(wait)} of grace left", wait)
    if end is End.UNKNOWN:
        return now, Watched(Finding.UNPROVEN, f"{view.because}; {what}")
    return now, Watched(Finding.GONE, f"{view.because}; {what}")


def missing(view: ClusterView) -> str | None:
    """The region of the writer that is not heard any more."""
    unheard = (Cause.WRITER_DEAD, Cause.WRITER_SILENT)
    regions = (region for region, node in view.nodes.items() if node.cause in unheard)
    return next(regions, view.recorded_writer)


def _grace(end: End, watch: Watch) -> tuple[float, str]:
    match end:
        case End.CRASHED:
            return 0.0, "its process is gone without having stopped"
        case End.STOPPED:
            return watch.restart_grace, "it was stopped cleanly"
        case End.HANGS:
            return watch.hang_after, "its process runs and answers nobody, beside it neither"
        case _:
            return watch.probe * watch.confirm, "no control beside it answers"
