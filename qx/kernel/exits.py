"""Exit codes of every qx command: one enum, one meaning each."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the shell learns. `qx check` alone speaks Nagios (0-3) instead."""

    DONE = 0  # done, or nothing was to be done
    FAILED = 1  # failed; of a move: failed and undone, nothing moved
    USAGE = 2  # the command line, or what it names, is wrong
    UNKNOWN = 3  # outcome unknown or partial: something is still moving, or only part of it was done
    REFUSED = 4  # a gate said no
    TIMEOUT = 5  # waiting ended, the run goes on
    CHANGES = 6  # with --exit-code: changes are pending
    FINDINGS = 7  # findings or breaches at or above --fail-on
    AUTH = 8  # a secret or a permission is missing
    LEASE = 9  # the lease is held by another, or by another store
    CONDITIONAL = 10  # `qx validate`: something is missing, or to be looked at
    REJECTED = 20  # `qx validate`: a rule forbids it
    BUG = 70  # a bug in qx: report it
    INTERRUPTED = 130  # ended by Ctrl-C; a run was undone, or stands in `qx runs list`
    TERMINATED = 143  # ended by SIGTERM


_WORST_FIRST = (
    Exit.TERMINATED,
    Exit.INTERRUPTED,
    Exit.BUG,
    Exit.UNKNOWN,
    Exit.FAILED,
    Exit.USAGE,
    Exit.REFUSED,
    Exit.LEASE,
    Exit.AUTH,
    Exit.TIMEOUT,
    Exit.REJECTED,
    Exit.CONDITIONAL,
    Exit.FINDINGS,
    Exit.CHANGES,
    Exit.DONE,
)


def worst(*exits: Exit) -> Exit:
    """The one that a command with several results ends with (DONE when there are none)."""
    return min(exits, key=_WORST_FIRST.index, default=Exit.DONE)
