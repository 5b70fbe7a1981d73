"""A comparison as people read it: the regions side by side, the rules that decide, where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.render.paint import PLAIN, Palette, Tone
from qx.render.rules import cited
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from qx.model.conflict import Binding, Comparison
    from qx.model.validation import Verdict

_TONES: dict[Verdict, Tone] = {"approved": "good", "conditional": "warn", "rejected": "bad"}
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LEGEND = "X it forbids, ! it flags, ? it cannot be told, . it does not decide there"


def conflict_text(found: Comparison, context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    names = {each.region: _letter(number) for number, each in enumerate(found.regions)}
    strictest = f"{found.status}, by {', '.join(found.strictest)}"
    head = fields(
        [
            ("transaction", Cell(found.transaction_id or "without an id", "strong")),
            ("strictest", Cell(strictest, _TONES[found.status])),
            ("as of", f"{found.as_of}; {context}"),
        ],
        width=width, palette=palette,
    )  # fmt: skip
    rows: list[list[Cell | str]] = [
        [names[each.region], Cell(each.region, "strong"), Cell(each.status, _TONES[each.status]),
         str(each.compliance_score), _few(each.binding)]
        for each in found.regions
    ]  # fmt: skip
    columns = [Column(""), Column("region"), Column("status"), Column("score", right=True),
               Column("decided by", give="wrap")]  # fmt: skip
    blocks = [head, table(columns, rows, width=width, palette=palette)]
    if found.rules:
        titles = [Column("rule"), *(Column(letter) for letter in names.values()), Column("says", give="wrap"),
                  Column("by", give="wrap")]  # fmt: skip
        lines = [_line(each, names) for each in found.rules]
        blocks += [table(titles, lines, width=width, palette=palette), LEGEND]
    blocks.append(_told(found, width, palette))
    return "\n\n".join(blocks)


def _line(rule: Binding, names: dict[str, str]) -> list[Cell | str]:
    mark, tone = _mark(rule)
    cells = [Cell(mark, tone) if region in rule.regions else Cell(".", "dim") for region in names]
    return [Cell(rule.rule_id, "strong"), *cells, rule.title, cited(rule.citation)]


def _mark(rule: Binding) -> tuple[str, Tone]:
    if rule.outcome != "fail":
        return "?", "warn"
    return ("X", "bad") if rule.severity == "block" else ("!", "warn")


def _told(found: Comparison, width: int | None, palette: Palette) -> str:
    if found.agreed:
        return f"every region says {found.status}"
    pairs: list[tuple[str, Cell | str]] = []
    for each in found.conflicts:
        said = f"{each.stricter} in {', '.join(each.where)}; {each.milder} in {', '.join(each.elsewhere)}"
        tone: Tone = "bad" if each.stricter == "rejected" and each.milder == "approved" else "warn"
        pairs.append(("conflict", Cell(said, tone)))
        pairs.append(("because of", ", ".join(each.because) or "rules that decide in both"))
    return fields(pairs, width=width, palette=palette)


def _few(rules: tuple[str, ...]) -> str:
    most = 3
    return ", ".join(rules) if len(rules) <= most else f"{', '.join(rules[:most])} and {len(rules) - most} more"


def _letter(number: int) -> str:
    return _LETTERS[number] if number < len(_LETTERS) else str(number + 1)
