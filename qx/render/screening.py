"""Screenings and lists as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from qx.model.sanctions import Cleared, Listed
    from qx.model.screening import Likeness, ListUsed, NameScreened, Result, Screening


class Taken(Struct, frozen=True, kw_only=True):
    """A list that came in, in `qx.lists-import/1`."""

    source: str  # whose list
    version: str  # the day of its publication
    entries: int  # parties and ships
    names: int  # with their aliases
    path: str  # where it is held
    new: bool  # false: what it says was held already; it is fresh for longer
    former_version: str  # that it follows; '' none
    former_entries: int  # of that version
    false_alarms: float  # per 1,000 made-up names
    doubts: tuple[str, ...]  # what looked implausible and was taken all the same


_TONES: dict[Result, Tone] = {
    "clear": "good", "cleared": "good", "unclear": "warn", "sectoral": "warn", "possible": "warn", "confirmed": "bad",
}  # fmt: skip
_MANY = 20  # names of which each is told whole


def screening_text(found: Screening, where: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    head: list[tuple[str, Cell | str]] = [
        ("as of", found.as_of),
        (
            "lists",
            "; ".join(f"{each.source} {each.version}, {plural(each.names, 'name')}" for each in found.lists),
        ),
        ("held in", where),
        ("compared by", f"{found.algorithm}, from {found.threshold:.2f} on"),
        ("can clear", Cell("yes", "good") if found.can_clear else Cell(f"no: {found.because}", "warn")),
    ]
    blocks = [fields(head, width=width, palette=palette)]
    shown = (
        found.screened if len(found.screened) <= _MANY else [each for each in found.screened if each.matches]
    )
    blocks += [_name(each, palette, width) for each in shown]
    if len(found.screened) > 1:
        counts = {result: sum(each.result == result for each in found.screened) for result in _TONES}
        told = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
        blocks.append(f"{plural(len(found.screened), 'name')}: {told}")
    return "\n\n".join(blocks)


def _name(found: NameScreened, palette: Palette, width: int | None) -> str:
    title = fields(
        [("name", Cell(found.asked, "strong")), ("result", Cell(found.result, _TONES[found.result]))],
        width=width, palette=palette,
    )  # fmt: skip
    lines: list[list[Cell | str]] = [_row(each, each.standing) for each in found.matches]
    lines += [_row(each, "passed over") for each in found.near]
    if not lines:
        return f"{title}\nnothing comes near"
    columns = [
        Column("score", right=True),
        Column("standing"),
        Column("listed", give="wrap"),
        Column("entry", give="wrap"),
        Column("why", give="wrap"),
    ]
    return f"{title}\n{table(columns, lines, width=width, palette=palette)}"


def _row(of: Likeness, standing: str) -> list[Cell | str]:
    tone: Tone = "bad" if standing == "confirmed" else "dim" if standing == "passed over" else "warn"
    programs = f" [{', '.join(of.programs)}]" if of.programs else ""
    return [f"{of.score:.2f}", Cell(standing, tone), of.matched, f"{of.source} {of.uid}{programs}", _why(of)]


def _why(of: Likeness) -> str:
    if of.how not in ("near", "weak"):
        return "the same name" if of.how == "name" else f"the same {of.how}"
    if of.how == "weak":
        return "the same as an alias that the list calls weak"
    parts = [
        each.asked if each.asked == each.listed else f"{each.asked} ~ {each.listed} ({each.similarity:.2f})"
        for each in of.pairs
    ]
    told = [f"shares {', '.join(parts)}" if parts else "much the same when written as one word"]
    told += [f"lacks {' '.join(each.word for each in of.only_listed)}"] if of.only_listed else []
    told += [f"has {' '.join(each.word for each in of.only_asked)}"] if of.only_asked else []
    if of.cleared_by:
        told.append(f"cleared by {of.cleared_by} until {of.cleared_until}")
    return "; ".join(told)


def lists_text(found: list[ListUsed], where: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    columns = [
        Column("list"), Column("version"), Column("whole"), Column("entries", right=True), Column("names", right=True),
        Column("fresh until"), Column("sha256", give="cut"),
    ]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [Cell(each.source, "strong"), each.version, Cell("yes", "good") if each.whole else Cell("extract", "warn"),
         str(each.entries), str(each.names), each.fresh_until or "ever", each.sha256]
        for each in found
    ]  # fmt: skip
    return f"{table(columns, rows, width=width, palette=palette)}\n\nheld in {where}"


def cleared_text(found: list[Cleared], palette: Palette = PLAIN, width: int | None = None) -> str:
    if not found:
        return "nobody was cleared"
    columns = [
        Column("name"), Column("entry"), Column("by"), Column("at"), Column("until"), Column("because", give="wrap"),
    ]  # fmt: skip
    rows = [
        [each.party, f"{each.source} {each.uid}", each.by, each.at, each.until, each.reason] for each in found
    ]
    return table(columns, rows, width=width, palette=palette)


def taken_text(found: list[Taken], palette: Palette = PLAIN, width: int | None = None) -> str:
    blocks = []
    for each in found:
        former = f"{each.former_version}, {each.former_entries} entries" if each.former_version else "none"
        pairs: list[tuple[str, Cell | str]] = [
            ("list", Cell(f"{each.source} {each.version}", "strong")),
            ("holds", f"{each.entries} entries, {plural(each.names, 'name')}"),
            ("former", former if each.new else f"{former}: the same, fresh again"),
            ("false alarms", f"{each.false_alarms:.1f} per 1,000 innocent names"),
            ("held in", each.path),
            *(("taken although", Cell(doubt, "warn")) for doubt in each.doubts),
        ]
        blocks.append(fields(pairs, width=width, palette=palette))
    return "\n\n".join(blocks)


def entries_text(found: list[tuple[str, Listed]], palette: Palette = PLAIN, width: int | None = None) -> str:
    blocks = []
    for source, each in found:
        told = {
            "entry": f"{source} {each.uid}", "kind": each.kind, "names": "; ".join(each.names),
            "weak aliases": "; ".join(each.weak), "programmes": ", ".join(each.programs), "country": each.country,
            "IMO number": each.imo, "LEI": each.lei, "BIC": each.bic, "registration": each.registration,
            "listed": f"{each.since or 'not told since when'} to {each.until or 'further notice'}", "scope": each.scope,
        }  # fmt: skip
        pairs: list[tuple[str, Cell | str]] = [(name, value) for name, value in told.items() if value]
        blocks.append(fields(pairs, width=width, palette=palette))
    return "\n\n".join(blocks)
