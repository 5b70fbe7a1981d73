"""Errors as people and programs read them: text with the source line, and one JSON document.

    error[QX-CFG-003]: unknown key 'hots'
     --> regions.yaml:14:9
      |         hots: db.eu.example
      |         ^
    help: did you mean 'host'?
    see: qx explain QX-CFG-003
"""

from __future__ import annotations

from typing import Any, Literal

from qx.kernel.errors import Place, Problems, QxError
from qx.render.paint import PLAIN, Palette, printable

SCHEMA = "qx.error/1"
MOST = 100


def warning(error: QxError, palette: Palette = PLAIN) -> str:
    """As `diagnostic`, of what keeps nothing from being done."""
    return "\n".join(_lines(error, palette, "warning"))


def diagnostic(error: QxError, palette: Palette = PLAIN) -> str:
    """The text of one error, or of each of several, `MOST` of them, with a count at the end; no closing newline."""
    if not isinstance(error, Problems):
        return "\n".join(_lines(error, palette))
    blocks = ["\n".join(_lines(each, palette)) for each in error.errors[:MOST]]
    count = len(error.errors)
    if count > 1:
        more = f"; {count - MOST:,} more than are shown here: `-o json` tells all" if count > MOST else ""
        blocks.append(palette.paint(f"{count:,} errors{more}", "bad"))
    return "\n\n".join(blocks)


def document(error: QxError) -> dict[str, Any]:
    """`{schema, error: {code, message, hint, place}}`; several errors stand in `errors` as well."""
    if not isinstance(error, Problems):
        return {"schema": SCHEMA, "error": fields(error)}
    several = [fields(each) for each in error.errors]
    return {"schema": SCHEMA, "error": fields(error), "errors": several}


def _lines(error: QxError, palette: Palette, word: Literal["error", "warning"] = "error") -> list[str]:
    head = palette.paint(f"{word}[{error.code}]", "bad" if word == "error" else "warn")
    lines = [f"{head}: {palette.paint(printable(error.message), 'strong')}"]
    if error.place:
        lines.extend(_placed(error.place, palette))
    if error.hint:
        lines.append(f"{palette.paint('help', 'accent')}: {printable(error.hint)}")
    lines.append(palette.paint(f"see: qx explain {error.code}", "dim"))
    return lines


def _placed(place: Place, palette: Palette) -> list[str]:
    lines = [palette.paint(f" --> {printable(str(place))}", "dim")]
    if place.text:
        bar = palette.paint("  |", "dim")
        lines.append(f"{bar} {printable(place.text.rstrip())}")
        if place.column:
            under = "".join("\t" if c == "\t" else " " for c in place.text[: place.column - 1])
            lines.append(f"{bar} {under}{palette.paint('^', 'bad')}")
    return lines


def fields(error: QxError) -> dict[str, Any]:
    place = error.place and {"file": error.place.file, "line": error.place.line, "column": error.place.column}
    return {"code": error.code, "message": error.message, "hint": error.hint, "place": place}
