"""The watch as it is in force: what regions.yaml writes, else the profile's value. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from qx.model.watching import Returning, Watching, Window


class Watch(NamedTuple):
    """Seconds, but for the counts. Invariant: `margin` + `renew` < `ttl`, so that one lost renewal kills nobody."""

    profile: str
    probe: float
    confirm: int
    witnesses: int
    restart_grace: float
    stall: float
    distrust: float
    ttl: float
    renew: float
    margin: float
    hang_after: float
    isolation_stop_after: float
    moves_per_day: int
    drill_age: float
    failback: Returning
    windows: tuple[Window, ...]

    @property
    def stop_within(self) -> float:
        """From the last renewal that was sent until the guard kills."""
        return self.ttl - self.margin


PROFILES: dict[str, dict[str, float]] = {
    "default": {
        "probe": 2.0, "confirm": 3, "witnesses": 2, "restart_grace": 30.0, "stall": 2.0, "distrust": 30.0,
        "ttl": 15.0, "renew": 3.0, "margin": 5.0, "hang_after": 10.0, "isolation_stop_after": 0.0,
    },
    "fast": {
        "probe": 0.5, "confirm": 2, "witnesses": 2, "restart_grace": 30.0, "stall": 2.0, "distrust": 10.0,
        "ttl": 5.0, "renew": 1.0, "margin": 1.5, "hang_after": 2.0, "isolation_stop_after": 1.5,
    },
}  # fmt: skip


def watch_of(watching: Watching) -> Watch:
    given = PROFILES[watching.profile]

    def value(written: float | None, name: str) -> float:
        return given[name] if written is None else float(written)

    return Watch(
        profile=watching.profile,
        probe=value(watching.probe, "probe"),
        confirm=int(value(watching.confirm, "confirm")),
        witnesses=int(value(watching.witnesses, "witnesses")),
        restart_grace=value(watching.restart_grace, "restart_grace"),
        stall=value(watching.stall, "stall"),
        distrust=value(watching.distrust, "distrust"),
        ttl=value(watching.lease.ttl, "ttl"),
        renew=value(watching.lease.renew, "renew"),
        margin=value(watching.lease.margin, "margin"),
        hang_after=value(watching.hang.after, "hang_after"),
        isolation_stop_after=value(watching.isolation.stop_after, "isolation_stop_after"),
        moves_per_day=watching.moves_per_day,
        drill_age=float(watching.drill_age),
        failback=watching.failback,
        windows=watching.windows,
    )
