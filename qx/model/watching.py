"""What regions.yaml says of the watch: how often the daemon looks, what convinces it, how long it waits.

A field that is not written has the value of the profile (`qx.config.profiles`), so None here means: as the profile.
"""

from __future__ import annotations

from typing import Literal

from qx.kernel.spans import Seconds
from qx.model.file import File


class WriterLease(File, frozen=True, kw_only=True):
    """The right to write of an armed cluster's server: extended by the controller beside it, enforced by its guard."""

    ttl: Seconds | None = None  # after this long without renewal others may promote
    renew: Seconds | None = None  # how often it is extended
    margin: Seconds | None = None  # so long before the end the guard kills the server


class Hang(File, frozen=True, kw_only=True):
    after: Seconds | None = None  # a server that runs and answers nobody for so long is killed by its own controller


class Isolation(File, frozen=True, kw_only=True):
    stop_after: Seconds | None = None  # quorum and all receivers gone together for so long: pause, then stop; 0: never


class Returning(File, frozen=True, kw_only=True):
    """Failback by policy: never without `enabled`."""

    enabled: bool = False  # move the writer home when it can be
    delay: Seconds = Seconds(300)  # after the home region is well again
    soak: Seconds = Seconds(600)  # for so long its replica must have streamed without a break


class Window(File, frozen=True, kw_only=True):
    """A time in which nothing is moved: a market's hours, a nomination deadline."""

    name: str  # told with the refusal
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()  # empty: every day
    start: str  # HH:MM in `timezone`
    end: str  # HH:MM; before `start`: on the next day
    timezone: str = "UTC"  # a name of the IANA database
    clusters: tuple[str, ...] = ()  # empty: all
    only_planned: bool = True  # an unplanned failover is not held up by it


class RiskGate(File, frozen=True, kw_only=True):
    """Nothing is moved while a portfolio is above its limits: by the verdict that `qx risk limits --keep`, or a
    schedule, kept last.
    """

    portfolio: str  # the name under which it was kept
    refuse_on: Literal["soft", "hard"] = "hard"  # soft: above any limit
    max_age: Seconds = Seconds(86400)  # an older verdict refuses as one that there is not
    clusters: tuple[str, ...] = ()  # empty: all
    only_planned: bool = True  # an unplanned failover is not held up by it


class Metrics(File, frozen=True, kw_only=True):
    """What Prometheus scrapes: /metrics, and /ready and /live for supervisors."""

    listen: str = ""  # host:port on loopback; empty: nothing listens


class Watching(File, frozen=True, kw_only=True):
    """The daemon's policy, for all clusters."""

    profile: Literal["default", "fast"] = "default"  # where the values come from that are not written here
    probe: Seconds | None = None  # between two looks at a node
    confirm: int | None = None  # looks in a row that must find the writer gone
    witnesses: int | None = None  # observers, in as many regions, that must find it gone; never more than there are
    restart_grace: Seconds | None = None  # after a clean stop, which somebody may have wanted
    stall: Seconds | None = None  # a loop or clock that jumped by more distrusts itself
    distrust: Seconds | None = None  # for so long it then only watches
    moves_per_day: int = 1  # automatic region moves in 24 h, failback included
    drill_age: Seconds = Seconds(90 * 86400)  # arming wants a drill younger than this
    lease: WriterLease = WriterLease()  # the writer's
    hang: Hang = Hang()  # of a server
    isolation: Isolation = Isolation()  # of a writer's region
    failback: Returning = Returning()  # by policy
    windows: tuple[Window, ...] = ()  # the calendar gate
    risk: tuple[RiskGate, ...] = ()  # the risk gate
    metrics: Metrics = Metrics()  # of the daemon
