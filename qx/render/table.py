"""Tables and field lists as plain text, laid out for a given width.

With `width=None` (a pipe, a file) nothing is ever shortened or wrapped: what a script reads does not depend on a
terminal. With a width, columns marked `cut` give way first (shortened in the middle), then those marked `wrap`
(folded at spaces); a column marked `keep` never loses a character, so a row may run over.
"""

from __future__ import annotations

import textwrap
from itertools import zip_longest
from typing import TYPE_CHECKING, Literal, NamedTuple

from qx.kernel.text import shorten
from qx.render.paint import PLAIN, Palette, Tone, columns_of, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = "  "
_CUT_TO, _WRAP_TO = 8, 16  # no column is squeezed below these


class Column(NamedTuple):
    title: str
    right: bool = False
    give: Literal["keep", "cut", "wrap"] = "keep"


class Cell(NamedTuple):
    text: str
    tone: Tone = "plain"


def table(
    columns: Sequence[Column | str],
    rows: Iterable[Sequence[Cell | str]],
    *,
    width: int | None = None,
    palette: Palette = PLAIN,
) -> str:
    """A header and one or more lines per row, no trailing white space, no closing newline.

    Raises ValueError when a row is not as long as the header.
    """
    header = [Column(c) if isinstance(c, str) else c for c in columns]
    body = [[_cell(c) for c in row] for row in rows]
    for row in body:
        if len(row) != len(header):
            raise ValueError(f"a row of {len(row)} cells under {len(header)} columns: {[c.text for c in row]}")
    widths = _widths(header, body, width)
    titles = [Cell(c.title, "dim") for c in header]
    return "\n".join(line for row in [titles, *body] for line in _lines(header, row, widths, palette))


def fields(pairs: Iterable[tuple[str, Cell | str]], *, width: int | None = None, palette: Palette = PLAIN) -> str:
    """`name  value` lines, values aligned; long values wrap under themselves when a width is given."""
    known = [(name, _cell(value)) for name, value in pairs]
    left = max((columns_of(name) for name, _ in known), default=0)
    room = max(_WRAP_TO, width - left - len(_GAP)) if width else None
    lines = []
    for name, value in known:
        for n, part in enumerate(_folded(value.text, room)):
            label = _padded(name if n == 0 else "", left, palette, "dim")
            lines.append(f"{label}{_GAP}{palette.paint(part, value.tone)}".rstrip())
    return "\n".join(lines)


def _cell(value: Cell | str) -> Cell:
    return Cell(printable(value)) if isinstance(value, str) else value._replace(text=printable(value.text))


def _widths(header: list[Column], body: list[list[Cell]], width: int | None) -> list[int]:
    natural = [
        max([columns_of(column.title), *(columns_of(line) for row in body for line in row[n].text.split("\n"))])
        for n, column in enumerate(header)
    ]
    if width is None:
        return natural
    excess = sum(natural) + len(_GAP) * (len(natural) - 1) - width
    for give, floor in (("cut", _CUT_TO), ("wrap", _WRAP_TO)):
        giving = [n for n, column in enumerate(header) if column.give == give]
        least = {n: max(floor, columns_of(header[n].title)) for n in giving}
        while excess > 0 and (widest := max(giving, key=natural.__getitem__, default=None)) is not None:
            if natural[widest] <= least[widest]:
                giving.remove(widest)
                continue
            natural[widest] -= 1
            excess -= 1
    return natural


def _lines(header: list[Column], row: list[Cell], widths: list[int], palette: Palette) -> Iterable[str]:
    parts = [_fitted(column, cell.text, width) for column, cell, width in zip(header, row, widths, strict=True)]
    for line in zip_longest(*parts, fillvalue=""):
        painted = [
            _padded(text, width, palette, cell.tone, right=column.right)
            for column, cell, width, text in zip(header, row, widths, line, strict=True)
        ]
        yield _GAP.join(painted).rstrip()


def _fitted(column: Column, text: str, width: int) -> list[str]:
    if columns_of(text) <= width and "\n" not in text:
        return [text]
    if column.give == "cut":
        return [shorten(line, width) for line in text.split("\n")]
    return _folded(text, width if column.give == "wrap" else None)


def _folded(text: str, width: int | None) -> list[str]:
    lines = text.split("\n")
    if width is None:
        return lines
    return [part for line in lines for part in textwrap.wrap(line, width, break_on_hyphens=False) or [""]]


def _padded(text: str, width: int, palette: Palette, tone: Tone, *, right: bool = False) -> str:
    space = " " * (width - columns_of(text))
    painted = palette.paint(text, tone)
    return space + painted if right else painted + space
