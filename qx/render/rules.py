"""Rules as people read them: one line each, or one whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from qx.compliance.difference import worse
from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from qx.compliance.difference import Difference, Turn, Turning
    from qx.model.rules import Citation, Param, Rule, RulePack, Severity

_TONES: dict[Severity, Tone] = {"block": "bad", "flag": "warn", "info": "plain"}
_TURNS: dict[Turning, Tone] = {
    "in force": "good", "not in force": "bad", "another value": "accent", "another window": "dim", "stale": "warn",
}  # fmt: skip


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


def difference_text(found: Difference, palette: Palette = PLAIN, width: int | None = None) -> str:
    law = f"the rules of {found.region}" if found.region else "all rules"
    blocks = [
        fields(
            [("between", f"{found.since} and {found.until}"), ("of", f"{law}: {', '.join(found.packs)}")],
            width=width, palette=palette,
        )
    ]  # fmt: skip
    if found.turns:
        columns = [Column("from"), Column("what", give="wrap"), Column("turns", give="wrap"),
                   Column("rules", give="wrap")]  # fmt: skip
        rows: list[list[Cell | str]] = [
            [each.at, Cell(_named(each), "strong"), Cell(_turned(each), _TURNS[each.turn]), _few(each.rules)]
            for each in found.turns
        ]
        blocks.append(table(columns, rows, width=width, palette=palette))
    blocks.append(f"{plural(len(found.turns), 'change')}" if found.turns else "nothing changes")
    if found.transactions or found.unread:
        blocks += _flips(found, palette, width)
    return "\n\n".join(blocks)


def _flips(found: Difference, palette: Palette, width: int | None) -> list[str]:
    blocks = []
    if found.flips:
        columns = [Column("transaction", give="cut"), Column("was"), Column("is"), Column("rule"),
                   Column("because", give="wrap")]  # fmt: skip
        rows: list[list[Cell | str]] = []
        for flip in found.flips:
            head: list[Cell | str] = [
                Cell(flip.transaction or f"number {flip.number}", "strong"), f"{flip.before} {flip.score_before}",
                Cell(f"{flip.after} {flip.score_after}", "bad" if worse(flip.before, flip.after) else "good"),
            ]  # fmt: skip
            for why in flip.because:
                rows.append([*head, why.rule, f"{why.before or 'absent'}, now {why.after}: {why.because}"])
                head = ["", "", ""]
        blocks.append(table(columns, rows, width=width, palette=palette))
    if found.unread:
        lost: list[list[Cell | str]] = [[str(each.number), each.code, each.message] for each in found.unread]
        blocks.append(table(["number", "error", Column("message", give="wrap")], lost, width=width, palette=palette))
    told = f"{len(found.flips)} of {plural(found.transactions, 'transaction')} answered otherwise"
    blocks.append(f"{told}, {len(found.unread)} not read" if found.unread else told)
    return blocks


def _named(turn: Turn) -> str:
    """A parameter has a dot in its name, a rule has none."""
    names = {"rule": turn.name, "parameter": f"{turn.pack}.{turn.name}", "pack": f"pack {turn.name}"}
    return names[turn.what]


def _turned(turn: Turn) -> str:
    said: str = turn.turn
    if turn.added or turn.removed:
        signed = [f"+{each}" for each in turn.added] + [f"-{each}" for each in turn.removed]
        said = f"{said}: {' '.join(signed)}"
    elif turn.before or turn.after:
        said = f"{said}: {turn.before}, now {turn.after}"
    return said if turn.lasts else f"{said} (until it turns again)"


def _few(rules: tuple[str, ...]) -> str:
    most = 4
    return ", ".join(rules) if len(rules) <= most else f"{', '.join(rules[:most])} and {len(rules) - most} more"


def _value(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " ".join(value)
