"""Residency as people read it: the answer, then what it rests on and what would change it; or the whole matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.rules import cited
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from qx.model.residency import Answer, Checked, Matrix, MatrixTable, Place, Said
    from qx.model.residency import Cell as MatrixCell
    from qx.model.retention import Regime, Retention

_TONES: dict[Answer, Tone] = {"allowed": "good", "conditional": "warn", "refused": "bad"}
_LETTERS: dict[Answer, str] = {"allowed": "A", "conditional": "C", "refused": "R"}
_OUTCOMES: dict[str, Tone] = {"fail": "bad", "error": "bad", "indeterminate": "warn", "stale": "warn"}


def checked_text(found: Checked, context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    pairs: list[tuple[str, Cell | str]] = [
        ("flow", Cell(f"{found.data_class} of {_place(found.source)} to {_place(found.to)}", "strong")),
        ("status", Cell(found.status, _TONES[found.status])),
        ("because", found.because),
    ]
    if found.status == "allowed":
        pairs.append(("until", found.until or "further notice, as far as is known"))
    pairs += [(("would do" if n == 0 else "or"), _options(way)) for n, way in enumerate(found.wanted)]
    pairs += [("named", ", ".join(found.evidence) or "no evidence"), ("as of", f"{found.as_of}; {context}")]
    blocks = [fields(pairs, width=width, palette=palette)]
    if found.findings:
        columns = [Column("rule"), Column("outcome"), Column("severity"), Column("says", give="wrap")]
        rows: list[list[Cell | str]] = [
            [Cell(each.rule_id, "strong"), Cell(each.outcome, _OUTCOMES.get(each.outcome, "plain")), each.severity,
             _said(each)]
            for each in found.findings
        ]  # fmt: skip
        blocks.append(table(columns, rows, width=width, palette=palette))
    return "\n\n".join(blocks)


def _place(place: Place) -> str:
    law = ", ".join(place.jurisdictions)
    return law if law.lower() == place.name.lower() else f"{place.name} ({law})"


def _options(way: tuple[str, ...]) -> str:
    return " ".join(f"--{piece}" for piece in way)


def _said(said: Said) -> str:
    where = cited(said.citation)
    grade = "" if said.status in ("verified", "house") else f" ({said.status})"
    return f"{said.message.rstrip('.')}; {where}{grade}"


def matrix_text(found: Matrix, context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    blocks = [_table(each, found.jurisdictions, palette, width) for each in found.tables]
    legend = fields(
        [
            ("A", "allowed"), ("A*", "allowed until the day told below the table"),
            ("C", "conditional: something must be evidenced"), ("R", "refused"),
            ("+", "there is evidence that carries it: qx residency check tells which"),
            ("as of", f"{found.as_of}; {context}"),
        ],
        width=width, palette=palette,
    )  # fmt: skip
    return "\n\n".join([*blocks, legend])


def _table(of: MatrixTable, places: tuple[str, ...], palette: Palette, width: int | None) -> str:
    cells = {(each.source, each.to): each for each in of.cells}
    rows: list[list[Cell | str]] = [
        [Cell(one, "strong"), *(_cell(cells.get((one, other))) for other in places)] for one in places
    ]
    text = table([Column("from \\ to"), *places], rows, width=width, palette=palette)
    ends: dict[str, list[str]] = {}
    for each in of.cells:
        if each.until:
            ends.setdefault(each.until, []).append(f"{each.source} to {each.to}")
    notes = [f"until {until}: {', '.join(flows)}" for until, flows in ends.items()]
    return "\n".join([palette.paint(", ".join(of.classes), "strong"), text, *notes])


def _cell(cell: MatrixCell | None) -> Cell:
    if cell is None:
        return Cell("-", "dim")
    mark = "*" if cell.until else "+" if cell.carried and cell.answer != "allowed" else ""
    return Cell(f"{_LETTERS[cell.answer]}{mark}", _TONES[cell.answer])


def retention_text(found: Retention, palette: Palette = PLAIN, width: int | None = None) -> str:
    law = ", ".join(found.jurisdictions)
    years = f"{plural(found.years, 'year')} from {_starts(found.wins)}" if found.wins else "nobody asks for it"
    head = fields(
        [
            ("data", Cell(f"{found.data_class} under the law of {law} on {found.as_of}", "strong")),
            ("to be kept", years),
            ("by", ", ".join(each.id for each in found.wins) or "-"),
            ("conflicts with", Cell(", ".join(found.conflicts) or "nothing", "warn" if found.conflicts else "plain")),
        ],
        width=width, palette=palette,
    )  # fmt: skip
    rows = [_regime(each) for each in (*found.keeps, *found.deletes)]
    columns = [Column("regime"), Column("duty"), Column("counts from", give="wrap"), Column("by", give="wrap")]
    return "\n\n".join([head, table(columns, rows, width=width, palette=palette)]) if rows else head


def _starts(regimes: tuple[Regime, ...]) -> str:
    return " or ".join(dict.fromkeys(each.counts_from for each in regimes))


def _regime(regime: Regime) -> list[Cell | str]:
    duty = f"keep {plural(regime.years, 'year')}"
    if regime.deletes:
        duty = f"delete after {plural(regime.years, 'year')}" if regime.years else "delete"
    parts = [cited(regime.citation), "" if regime.status == "verified" else f"({regime.status})", regime.note]
    return [
        Cell(regime.id, "strong"), Cell(duty, "warn" if regime.deletes else "plain"), regime.counts_from,
        " ".join(part for part in parts if part),
    ]  # fmt: skip
