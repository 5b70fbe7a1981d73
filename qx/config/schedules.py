"""Schedules of regions.yaml: what they name, and whether what they mean can ever be done.

`check` is for every command and cheap. `unmeant` also reads cron expressions and the runbooks' own files, which takes a
library and the disk: it is for those who are about to rely on them (`qx config check`, the daemon, `qx doctor`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qx.config.fault import Fault, errors
from qx.config.forms import above_zero, key, zone
from qx.config.links import cluster_exists, region_exists
from qx.kernel.errors import Problems, QxError
from qx.model.schedules import DrillSchedule, RiskSchedule, RunbookSchedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from qx.config.document import Document, Trail
    from qx.model.platform import Platform

BAD, NOTHING, CLASH = "QX-CFG-004", "QX-CFG-006", "QX-CFG-008"
_ALPHA, _DAYS = re.compile(r"0?\.\d+|\d{1,2}(\.\d+)?%"), re.compile(r"[1-9]\d{0,3}d?")


def check(platform: Platform) -> Iterator[Fault]:
    for name, schedule in platform.schedules.items():
        at: Trail = ("schedules", name)
        yield from key(at, name)
        yield from zone((*at, "timezone"), schedule.timezone)
        yield from above_zero((*at, "grace"), schedule.grace)
        if isinstance(schedule, DrillSchedule):
            yield from _drill(platform, at, schedule)
        if isinstance(schedule, RiskSchedule):
            yield from _risk(at, schedule)


def _risk(at: Trail, schedule: RiskSchedule) -> Iterator[Fault]:
    if schedule.max_price_age < 0:
        yield Fault(BAD, (*at, "max_price_age"), f"{schedule.max_price_age} is below zero", "0: any age will do; 4")
    for name, form, hint in (("alpha", _ALPHA, "99%, 97.5%"), ("horizon", _DAYS, "trading days: 1d, 10d")):
        if not form.fullmatch(getattr(schedule, name)):
            yield Fault(BAD, (*at, name), f"'{getattr(schedule, name)}' is none", hint)
    if not schedule.portfolio:
        yield Fault(BAD, (*at, "portfolio"), "names no file", "portfolio: risk/portfolio.csv")


def _drill(platform: Platform, at: Trail, schedule: DrillSchedule) -> Iterator[Fault]:
    unknown = list(cluster_exists(platform, (*at, "cluster"), schedule.cluster))
    yield from unknown
    if schedule.to:
        missing = list(region_exists(platform, (*at, "to"), schedule.to))
        yield from missing
        if unknown or missing:
            return
        cluster = platform.clusters[schedule.cluster]
        also: tuple[Trail, ...] = ((*at, "cluster"),)
        if schedule.to not in cluster.nodes:
            hint = f"choose from {', '.join(region for region in cluster.nodes if region != cluster.home)}"
            message = f"{schedule.cluster} has no node in '{schedule.to}'"
            yield Fault(NOTHING, (*at, "to"), message, hint, also=also)
        elif schedule.to == cluster.home:
            message = f"is the home of {schedule.cluster}: a drill moves its writer away and back"
            yield Fault(CLASH, (*at, "to"), message, "name another region, or none for the best", also=also)
    if not unknown and len(platform.clusters[schedule.cluster].nodes) < 2:
        message = f"{schedule.cluster} has no second node: it can move nowhere"
        yield Fault(CLASH, (*at, "cluster"), message, "add a node, or remove the schedule")


def demand(platform: Platform, document: Document, file: Path, env: Mapping[str, str]) -> None:
    """Raises Problems: every schedule that means nothing, with its place in `document`, which was read from `file`."""
    wrong = errors(document, unmeant(platform, file, env))
    if wrong:
        raise Problems(wrong)


def demand_cron(platform: Platform) -> None:
    """Raises QX-CFG-004 for an expression that cannot be read: where only those matter, and no file is at hand."""
    for name, schedule in platform.schedules.items():
        for fault in _cron(("schedules", name, "cron"), schedule.cron):
            raise QxError(fault.code, f"schedules.{name}.cron: {fault.message}", hint="qx config check shows the place")


def unmeant(platform: Platform, file: Path, env: Mapping[str, str]) -> Iterator[Fault]:
    """`env`: where the user directory of runbooks is."""
    for name, schedule in platform.schedules.items():
        at: Trail = ("schedules", name)
        yield from _cron((*at, "cron"), schedule.cron)
        if isinstance(schedule, RunbookSchedule):
            yield from _runbook(platform, at, schedule, file, env)
        if isinstance(schedule, RiskSchedule):
            yield from _measured(at, schedule, file)


def _measured(at: Trail, schedule: RiskSchedule, file: Path) -> Iterator[Fault]:
    for name in ("portfolio", "prices", "factors", "scenarios", "limits", "pnl"):
        path = getattr(schedule, name)
        if path and not path.startswith("~/") and not (file.parent / path).is_file():
            yield Fault(NOTHING, (*at, name), f"{file.parent / path} is no file", "a path from this file's directory")


def _cron(trail: Trail, expression: str) -> Iterator[Fault]:
    from qx.config.cron import Cron

    try:
        first = Cron(expression, "UTC").after(0.0)
    except ValueError as error:
        hint = "minute hour day month weekday: `0 3 1-7 * sun` is the first Sunday at 03:00"
        yield Fault(BAD, trail, str(error), hint)
        return
    if first is None:
        yield Fault(BAD, trail, "never comes", "does that month have that day?")


def _runbook(
    platform: Platform, at: Trail, schedule: RunbookSchedule, file: Path, env: Mapping[str, str]
) -> Iterator[Fault]:
    from qx.config.runbook import load
    from qx.config.runbook_find import named
    from qx.config.runbook_inputs import given

    try:
        book = load(named(schedule.runbook, file, env).path, platform)
    except Problems as problems:
        first = problems.errors[0]
        message = f"the runbook has errors: {first.place}: {first.message}"
        yield Fault(BAD, (*at, "runbook"), message, f"qx runbook lint {schedule.runbook}")
        return
    except QxError as unknown:
        yield Fault(NOTHING, (*at, "runbook"), unknown.message, unknown.hint)
        return
    for name in schedule.inputs.keys() - book.inputs.keys():
        hint = f"its inputs: {', '.join(book.inputs)}" if book.inputs else "it takes none"
        yield Fault(NOTHING, (*at, "inputs", name), f"no such input of {book.runbook}", hint, on_key=True)
    words = [f"{name}={value}" for name, value in schedule.inputs.items() if name in book.inputs]
    try:
        given(book, words, platform)
    except Problems as problems:
        for error in problems.errors:
            name = error.message.removeprefix("input ").partition(":")[0]
            yield Fault(BAD, (*at, "inputs", name), error.message.partition(": ")[2], error.hint)
