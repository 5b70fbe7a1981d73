"""Runbooks as commands need them: found, read, made into a plan."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from msgspec import Struct

from qx.config.runbook import load
from qx.config.runbook_find import named, standing
from qx.config.runbook_inputs import given
from qx.config.runbook_plan import plan_of
from qx.kernel.errors import QxError
from qx.kernel.ids import sortable_id
from qx.model.asked import Called

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from qx.app.workbench import Workbench
    from qx.config.runbook_find import Standing
    from qx.model.plan import Plan
    from qx.model.platform import Platform
    from qx.model.runbook import Runbook


class Listed(Struct, frozen=True, kw_only=True):
    """A runbook as the list shows it. `problem`: why it cannot be run; '' when it can."""

    name: str
    title: str
    file: str
    why: str  # beside regions.yaml, user directory, shipped
    steps: int
    inputs: tuple[str, ...]
    problem: str = ""


def config_or_none(bench: Workbench) -> tuple[Path | None, Platform | None]:
    """The regions.yaml in force, or nothing when there is none: a runbook can be read and linted without."""
    try:
        return bench.config_path, bench.platform
    except QxError as error:
        if error.code != "QX-CFG-001":
            raise
        return None, None


def find(bench: Workbench, word: str) -> Standing:
    """Raises QX-BOOK-001."""
    return named(word, config_or_none(bench)[0], bench.env)


def read(bench: Workbench, word: str) -> tuple[Standing, Runbook]:
    """Raises QX-BOOK-001, Problems."""
    found = find(bench, word)
    return found, load(found.path, config_or_none(bench)[1])


def listed(bench: Workbench) -> tuple[Listed, ...]:
    config, platform = config_or_none(bench)
    found = []
    for each in standing(config, bench.env).values():
        where = {"name": each.name, "file": str(each.path), "why": each.why}
        try:
            book = load(each.path, platform)
        except QxError as error:
            found.append(Listed(**where, title="", steps=0, inputs=(), problem=str(error)))
        else:
            found.append(Listed(**where, title=book.title, steps=len(book.steps), inputs=tuple(book.inputs)))
    return tuple(found)


def plan(bench: Workbench, word: str, inputs: Iterable[str], by: str = "") -> Plan:
    """The runbook's plan with those inputs (NAME=VALUE). `by`: who asks for it; '' the operator. Raises QX-BOOK-001,
    QX-BOOK-002, Problems.
    """
    found = named(word, bench.config_path, bench.env)
    book = load(found.path, bench.platform)
    now = bench.clock.now()
    called = Called(
        name=book.runbook, title=book.title, file=str(found.path),
        file_digest=hashlib.sha256(found.path.read_bytes()).hexdigest(), inputs=given(book, inputs, bench.platform),
    )  # fmt: skip
    return plan_of(
        book, called, bench.platform, str(bench.config_path), bench.config_digest,
        id=sortable_id(now, bench.clock.noise()), at=now, by=by or bench.operator,
    )  # fmt: skip
