"""An audit in words: one line when all holds, else what does not, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural, shorten
from qx.render.paint import PLAIN, Palette
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from qx.model.audit import Audit

_MEANING = {
    "digest": "its content is not what was written",
    "previous": "an entry before it is missing, or another",
    "sequence": "an entry of its run before it is missing, or doubled",
    "plan": "the stored plan is not the one that the run announced",
    "outcome": "the run's stored outcome is not the one that it ended with",
}
_MISSING_SHOWN = 10


def audit_text(audit: Audit, context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    """`context` first; what was verified; then every break, and what an earlier export knew and the store does not."""
    scope = f"run {audit.run}" if audit.run else "the whole store"
    what = f"{scope}, {'1 entry' if audit.count == 1 else f'{audit.count} entries'}, store {audit.store_id}"
    verdict = palette.paint("verified", "good") if audit.verified else palette.paint("BROKEN", "bad")
    lines = [context, f"{verdict}: {what}"]
    if audit.head:
        lines.append(f"head {audit.head}")
    if audit.compared_with and not audit.missing:
        lines.append(f"every entry of {audit.compared_with} stands in it")
    if audit.breaks:
        columns: list[Column | str] = [
            Column("entry", right=True), "run", Column("seq", right=True), Column("what", give="wrap"),
            Column("expected", give="cut"), Column("found", give="cut"),
        ]
        rows: list[list[Cell | str]] = [
            [str(each.position), each.run, str(each.seq), Cell(_MEANING[each.what], "bad"), each.expected, each.found]
            for each in audit.breaks
        ]
        lines.append(table(columns, rows, width=width, palette=palette))
    if audit.missing:
        count = plural(len(audit.missing), "digest")
        lines.append(palette.paint(f"{count} of {audit.compared_with} stand nowhere in the store any more:", "bad"))
        lines += [f"  {shorten(each, width - 2) if width else each}" for each in audit.missing[:_MISSING_SHOWN]]
        if len(audit.missing) > _MISSING_SHOWN:
            lines.append(f"  and {len(audit.missing) - _MISSING_SHOWN} more (-o json lists all)")
    return "\n".join(lines)
