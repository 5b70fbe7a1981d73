"""The watch and its calendar: hours that can be, clusters that exist, values that agree with each other. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qx.config.document import dotted
from qx.config.fault import Fault
from qx.config.forms import above_zero, zone
from qx.config.links import cluster_exists
from qx.config.profiles import watch_of
from qx.kernel.spans import format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Trail
    from qx.model.platform import Platform
    from qx.model.watching import Watching, Window

BAD, CLASH = "QX-CFG-004", "QX-CFG-008"
_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def check(platform: Platform) -> Iterator[Fault]:
    watching = platform.watch
    yield from _values(watching)
    yield from _lease(watching)
    names: dict[str, Trail] = {}
    for index, window in enumerate(watching.windows):
        at: Trail = ("watch", "windows", index)
        first = names.setdefault(window.name, at)
        if first != at:
            yield Fault(CLASH, (*at, "name"), f"'{window.name}' is taken by {dotted(first)}", "rename one of the two")
        yield from _window(at, window)
        for place, word in enumerate(window.clusters):
            yield from cluster_exists(platform, (*at, "clusters", place), word)
    for index, gate in enumerate(watching.risk):
        where: Trail = ("watch", "risk", index)
        yield from above_zero((*where, "max_age"), gate.max_age)
        for place, word in enumerate(gate.clusters):
            yield from cluster_exists(platform, (*where, "clusters", place), word)


def _values(watching: Watching) -> Iterator[Fault]:
    lease, hang = watching.lease, watching.hang
    spans: dict[Trail, float | None] = {
        ("probe",): watching.probe, ("lease", "ttl"): lease.ttl, ("lease", "renew"): lease.renew,
        ("lease", "margin"): lease.margin, ("hang", "after"): hang.after,
    }  # fmt: skip
    for trail, value in spans.items():
        if value is not None:
            yield from above_zero(("watch", *trail), value)
    for name in ("confirm", "witnesses"):
        count = getattr(watching, name)
        if count is not None and count < 1:
            yield Fault(BAD, ("watch", name), f"{count} would convince it without a look", "1 or more")
    if watching.moves_per_day < 0:
        yield Fault(BAD, ("watch", "moves_per_day"), f"{watching.moves_per_day} is below zero", "0: none; 1")


def _lease(watching: Watching) -> Iterator[Fault]:
    """By the values in force, of which some may be the profile's; told where the first of them is written."""
    watch, written = watch_of(watching), watching.lease
    if watch.margin + watch.renew < watch.ttl:
        return
    where = next((name for name in ("margin", "renew", "ttl") if getattr(written, name) is not None), "ttl")
    held = {"ttl": watch.ttl, "renew": watch.renew, "margin": watch.margin}
    said = ", ".join(
        f"{name} is {format_seconds(value)}" + ("" if getattr(written, name) is not None else f" by {watch.profile}")
        for name, value in held.items()
    )
    message = f"one renewal that is lost would have the guard kill a server that is well: {said}"
    also: tuple[Trail, ...] = tuple(("watch", "lease", name) for name in held if name != where)
    yield Fault(CLASH, ("watch", "lease", where), message, "margin and renew together must be shorter than ttl",
                also=also)  # fmt: skip


def _window(trail: Trail, window: Window) -> Iterator[Fault]:
    for name in ("start", "end"):
        hour = getattr(window, name)
        if not _HOUR.fullmatch(hour):
            yield Fault(BAD, (*trail, name), f"'{hour}' is no time of a day", "write it as HH:MM: 09:30, 00:00")
    if window.start == window.end:
        hint = "for a whole day write 00:00 to 23:59, or two windows"
        also: tuple[Trail, ...] = ((*trail, "start"),)
        yield Fault(CLASH, (*trail, "end"), "is the start: the window holds up nothing", hint, also=also)
    yield from zone((*trail, "timezone"), window.timezone)
