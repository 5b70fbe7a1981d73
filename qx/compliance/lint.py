"""Lint: what a rule pack must keep to beyond its shape. Pure.

Ids once; dates that can be read; no gap and no overlap between the windows of a parameter; every expression read and
its kinds right; every path known; an unverified rule never blocks; a rule that somebody else asks for says where; every
rule tested by a pass and a fail.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from qx.compliance import dated
from qx.compliance.judge import kinds_of
from qx.compliance.language import SCREENED, kind_of_path, params_in, parse
from qx.compliance.language import check as wrong_with
from qx.config.fault import Fault
from qx.kernel.expr import Misread
from qx.kernel.text import did_you_mean
from qx.model.rules import Param, Rule, RulePack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Trail

BAD, NOTHING, TWICE, CONTRADICTS = "QX-CFG-004", "QX-CFG-006", "QX-CFG-007", "QX-CFG-008"


def check(pack: RulePack) -> Iterator[Fault]:
    try:
        ZoneInfo(pack.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Fault(BAD, ("timezone",), "is no timezone of the IANA database", "Asia/Bahrain, UTC, America/New_York")
        return
    yield from _day(("review_by",), pack.review_by)
    for name, param in pack.params.items():
        yield from _param(pack, ("params", name), param)
    seen: set[str] = set()
    for number, rule in enumerate(pack.rules):
        at: Trail = ("rules", number)
        if rule.id in seen:
            yield Fault(TWICE, (*at, "id"), f"{rule.id} stands twice")
        seen.add(rule.id)
        yield from _rule(pack, at, rule)


def _param(pack: RulePack, at: Trail, param: Param) -> Iterator[Fault]:
    if param.review_by:
        yield from _day((*at, "review_by"), param.review_by)
    if not param.windows:
        yield Fault(BAD, (*at, "windows"), "has none", "at least one; without `from` it has always been so")
    spans = []
    for number, window in enumerate(param.windows):
        below: Trail = (*at, "windows", number)
        bad = False
        for key, text in (("from", window.from_), ("to", window.to)):
            for fault in _moment((*below, key), text, pack.timezone):
                bad = True
                yield fault
        if not bad:
            spans.append((*dated.bounds(window.from_, window.to, pack.timezone), below))
    for since, until, below in spans:
        if since >= until:
            yield Fault(CONTRADICTS, below, "ends before it begins")
    for (_, until, _), (since, _, below) in pairwise(spans):
        if until != since:
            what = "leaves a gap after" if until < since else "overlaps"
            hint = "windows follow one another: `to` is the next one's `from`"
            yield Fault(CONTRADICTS, below, f"{what} the window before", hint)
    kinds = {type(dated.value_of(window)) for window in param.windows}
    if len(kinds) > 1:
        yield Fault(BAD, (*at, "windows"), "are numbers and words", "one kind for all")


def _rule(pack: RulePack, at: Trail, rule: Rule) -> Iterator[Fault]:
    for key, text in (("effective_from", rule.effective_from), ("effective_to", rule.effective_to)):
        yield from _moment((*at, key), text, pack.timezone)
    if rule.severity == "block" and rule.status == "unverified":
        yield Fault(CONTRADICTS, (*at, "severity"), "an unverified rule may flag, never block", "flag; or verify it")
    if rule.waivable and (rule.severity != "block" or rule.status != "house"):
        yield Fault(CONTRADICTS, (*at, "waivable"), "is for house rules that block", "leave it out")
    if rule.status in ("verified", "partial") and not (rule.citation.segment or rule.citation.corpus):
        yield Fault(BAD, (*at, "citation"), "does not say where it stands", "corpus and segment")
    if rule.status == "house" and rule.citation.body != "house":
        yield Fault(CONTRADICTS, (*at, "citation", "body"), "a house rule cites nobody", "body: house")
    kinds = kinds_of(pack)
    for key, text in (("applies_when", rule.applies_when or "true"), ("predicate", rule.predicate)):
        try:
            tree = parse(text)
        except Misread as error:
            yield Fault(BAD, (*at, key), error.plain, error.hint)
            continue
        wrong = wrong_with(tree, kinds)
        if wrong is not None:
            shown = text[wrong.span.start : wrong.span.end]
            yield Fault(BAD, (*at, key), f"`{shown}`: {wrong.message}", wrong.hint)
        if key == "applies_when" and list(params_in(tree)):
            yield Fault(BAD, (*at, key), "rests on a parameter", "say it in the predicate: a table may be stale")
    for number, path in enumerate(rule.needs):
        if kind_of_path(path) is None:
            yield Fault(NOTHING, (*at, "needs", number), f"no field or fact '{path}'", did_you_mean(path, _paths()))
    yield from _tests(at, rule)


def _tests(at: Trail, rule: Rule) -> Iterator[Fault]:
    expected = {test.expect for test in rule.tests}
    for wanted in ("pass", "fail"):
        if wanted not in expected and not (wanted == "fail" and rule.untranslatable is not None):
            hint = "each rule is tested by a pass and a fail at least"
            yield Fault(BAD, (*at, "tests"), f"none expects {wanted}", hint)
    for number, test in enumerate(rule.tests):
        for path in test.given:
            if kind_of_path(path) is None or (path.startswith("facts.") and path not in SCREENED):
                place: Trail = (*at, "tests", number, "given", path)
                yield Fault(NOTHING, place, "is no field", did_you_mean(path, _paths()), on_key=True)
        yield from _moment((*at, "tests", number, "as_of"), test.as_of, "UTC")


def _moment(at: Trail, text: str, timezone: str) -> Iterator[Fault]:
    if not text:
        return
    try:
        dated.instant(text, timezone)
    except ValueError as error:
        yield Fault(BAD, at, f"is no instant: {error}", "2018-07-01, or 2018-07-01T00:00:00+03:00")


def _day(at: Trail, text: str) -> Iterator[Fault]:
    try:
        date.fromisoformat(text)
    except ValueError:
        yield Fault(BAD, at, "is no day", "2027-01-31")


def _paths() -> list[str]:
    from qx.compliance.fields import FIELDS

    return list(FIELDS)
