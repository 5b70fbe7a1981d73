"""Instant: one moment on the wall clock and on the clock of this boot, so that a step of the first moves no lease.

Two instants of the same boot compare by seconds since boot (CLOCK_BOOTTIME: it counts suspended time and nobody can set
it). Instants of different boots compare by the wall clock, which is all that they share. A time namespace has a
CLOCK_BOOTTIME of its own, so it is part of the boot's name.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple


class Instant(NamedTuple):
    wall: float  # Unix seconds
    boot: str  # '' where the system does not tell
    since_boot: float  # seconds


def this_machine() -> Instant:
    """Now, here."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        space = Path("/proc/self/ns/time").readlink()
        since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    except (OSError, AttributeError):
        return Instant(time.time(), "", 0.0)
    return Instant(time.time(), f"{boot}/{space}", since_boot)
