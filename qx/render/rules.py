"""Rules as people read them: one line each, or one whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qx.model.rules import Citation, Param, Rule, RulePack, Severity

_TONES: dict[Severity, Tone] = {"block": "bad", "flag": "warn", "info": "plain"}


class Line(Struct, frozen=True, kw_only=True):
    """A rule in `qx.rules/1`."""

    pack: str  # its pack
    id: str  # what findings call it
    title: str  # what it says
    severity: str  # block, flag, info
    status: str  # its evidence: verified, partial, unverified, house
    citation: str  # where it stands


class Failed(Struct, frozen=True, kw_only=True):
    """A test inside a rule that does not hold, in `qx.rules-test/1`."""

    rule: str  # its id
    test: str  # its place among the rule's tests, from 0
    expected: str  # the outcome that it states
    found: str  # the outcome that came
    message: str  # why


def listed(packs: Iterable[RulePack]) -> list[Line]:
    return [
        Line(
            pack=pack.pack, id=rule.id, title=rule.title, severity=rule.severity, status=rule.status,
            citation=cited(rule.citation),
        )
        for pack in packs
        for rule in pack.rules
    ]  # fmt: skip


def cited(citation: Citation) -> str:
    """Whose text, which, where in it; the first is not said twice."""
    body = "" if citation.corpus.startswith(f"{citation.body} ") else citation.body
    return " ".join(part for part in (body, citation.corpus, citation.segment) if part)


def rules_text(found: list[Line], palette: Palette = PLAIN, width: int | None = None) -> str:
    columns = [
        Column("rule"), Column("severity"), Column("evidence"), Column("says", give="wrap"), Column("by", give="wrap"),
    ]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [Cell(each.id, "strong"), Cell(each.severity, _TONES[each.severity]), each.status, each.title, each.citation]  # type: ignore[index]
        for each in found
    ]
    return f"{table(columns, rows, width=width, palette=palette)}\n\n{plural(len(found), 'rule')}"


def rule_text(
    pack: RulePack, rule: Rule, params: Mapping[str, Param], palette: Palette = PLAIN, width: int | None = None
) -> str:
    pairs: list[tuple[str, Cell | str]] = [
        ("rule", Cell(rule.id, "strong")),
        ("says", rule.title),
        ("by", f"{cited(rule.citation)}{f', {rule.citation.url}' if rule.citation.url else ''}"),
        ("evidence", f"{rule.status}, pack {pack.pack} {pack.version}, to be reviewed by {pack.review_by}"),
        ("severity", Cell(rule.severity, _TONES[rule.severity])),
        ("in force", f"{rule.effective_from or 'ever'} to {rule.effective_to or 'further notice'} ({pack.timezone})"),
        ("applies", rule.applies_when or "always"),
        ("kept when", rule.predicate),
        ("if missing", rule.on_missing),
        ("tests", str(len(rule.tests))),
    ]
    text = fields(pairs, width=width, palette=palette)
    if not params:
        return text
    rows: list[list[Cell | str]] = [
        [name, window.from_ or "ever", window.to or "further notice", _value(window.value), param.unit, param.review_by]
        for name, param in params.items()
        for window in param.windows
    ]
    columns = [
        Column("parameter"), Column("from"), Column("to"), Column("value", give="wrap"), Column("unit"),
        Column("review by"),
    ]  # fmt: skip
    return f"{text}\n\n{table(columns, rows, width=width, palette=palette)}"


def failures_text(count: int, failed: list[Failed], palette: Palette = PLAIN, width: int | None = None) -> str:
    if not failed:
        return f"{plural(count, 'test')} hold"
    rows: list[list[Cell | str]] = [
        [Cell(each.rule, "strong"), each.test, each.expected, Cell(each.found, "bad"), each.message] for each in failed
    ]
    columns = [Column("rule"), Column("test"), Column("expected"), Column("found"), Column("because", give="wrap")]
    return f"{table(columns, rows, width=width, palette=palette)}\n\n{len(failed)} of {plural(count, 'test')} fail"


def _value(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " ".join(value)
