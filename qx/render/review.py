"""Candidates as people read them: what waits, what is wrong with it, how it differs from what is in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.candidate import Alteration, Reviewed, State, Submission

_STATES: dict[State, Tone] = {"waiting": "warn", "accepted": "good", "rejected": "bad"}
_HOW: dict[str, Tone] = {"added": "good", "removed": "bad", "changed": "accent"}


def candidates_text(found: Sequence[Submission], palette: Palette = PLAIN, width: int | None = None) -> str:
    if not found:
        return "no candidate"
    columns = [Column("candidate"), Column("state"), Column("by"), Column("came"), Column("holds", give="wrap")]
    rows: list[list[Cell | str]] = [
        [Cell(each.name, "strong"), Cell(each.state, _STATES[each.state]), each.submitted_by, moment(each.submitted_at),
         _verdict(each)]
        for each in found
    ]  # fmt: skip
    waiting = sum(each.state == "waiting" for each in found)
    told = f"{plural(len(found), 'candidate')}, {waiting} waiting"
    return f"{table(columns, rows, width=width, palette=palette)}\n\n{told}"


def candidate_text(found: Submission, palette: Palette = PLAIN, width: int | None = None) -> str:
    decided = f"{found.state} by {found.decided_by} at {moment(found.decided_at)}: {found.reason}"
    pairs: list[tuple[str, Cell | str]] = [
        ("candidate", Cell(found.name, "strong")),
        ("holds", _verdict(found)),
        ("sent by", f"{found.submitted_by}, by {found.source}, at {moment(found.submitted_at)}"),
        ("digest", found.digest),
        ("state", Cell(decided if found.decided_by else found.state, _STATES[found.state])),
        *(("wrong", Cell(each, "bad")) for each in found.faults),
        *(("test", Cell(each, "bad")) for each in found.failures),
    ]
    return fields(pairs, width=width, palette=palette)


def reviewed_text(found: Reviewed, palette: Palette = PLAIN, width: int | None = None) -> str:
    instead = f"version {found.in_force}" if found.in_force else "nothing: it is new"
    against = f"{instead}{f', from {found.replaces}' if found.replaces else ''}"
    blocks = [
        candidate_text(found.candidate, palette, width),
        fields([("in force", against)], width=width, palette=palette),
    ]
    if found.alterations:
        columns = [Column("what"), Column("name", give="wrap"), Column("how"), Column("in force", give="wrap"),
                   Column("candidate", give="wrap")]  # fmt: skip
        rows = [_row(each) for each in found.alterations]
        blocks.append(table(columns, rows, width=width, palette=palette))
        if found.left_out:
            blocks.append(f"{found.left_out} more")
    elif found.in_force:
        blocks.append("nothing differs")
    return "\n\n".join(blocks)


def _row(each: Alteration) -> list[Cell | str]:
    how = f"{each.how}: {', '.join(each.fields)}" if each.fields else each.how
    return [each.what, Cell(each.name, "strong"), Cell(how, _HOW[each.how]), each.before, each.after]


def _verdict(found: Submission) -> str:
    noun = {"pack": "rule", "list": "entry", "unreadable": "rule"}[found.kind]
    counted = f"{found.count} entries" if noun == "entry" and found.count != 1 else plural(found.count, noun)
    parts = [f"{found.kind} {found.holds} {found.version}".strip(), counted]
    parts.append(f"{len(found.faults)} wrong" if found.faults else "nothing wrong")
    if found.tests:
        failed = len(found.failures)
        tests = plural(found.tests, "test")
        parts.append(f"{failed} of {tests} fail" if failed else f"{tests} hold")
    return ", ".join(parts)
