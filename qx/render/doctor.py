"""`qx doctor` as people read it: by group, what is well in a word, what is not with its evidence and its fix."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.model.diagnosis import Health
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from qx.model.diagnosis import Diagnosis, Examined

_TONES: dict[Health, Tone] = {Health.OK: "good", Health.WARNING: "warn", Health.FAILED: "bad"}


def doctor_text(diagnosis: Diagnosis, palette: Palette = PLAIN, width: int | None = None) -> str:
    columns = (Column(""), Column(""), Column(""), Column("", give="wrap"))
    rows: list[tuple[Cell | str, ...]] = []
    for group, members in groupby(diagnosis.examined, key=lambda each: each.group):
        for n, each in enumerate(members):
            status = Cell(each.status.value, _TONES[each.status])
            rows.append((group if n == 0 else "", each.name, status, _words(each)))
    body = table(columns, rows, width=width, palette=palette).partition("\n")[2]
    return f"{body}\n\n{_verdict(diagnosis, palette)}"


def _words(each: Examined) -> str:
    return f"{each.evidence}\nfix: {each.fix}" if each.fix else each.evidence


def _verdict(diagnosis: Diagnosis, palette: Palette) -> str:
    counted = {health: sum(each.status is health for each in diagnosis.examined) for health in Health}
    if diagnosis.worst is Health.OK:
        return palette.paint(f"ok: {plural(counted[Health.OK], 'examination')}, nothing to mend", "good")
    summary = f"{counted[Health.FAILED]} failed, {plural(counted[Health.WARNING], 'warning')}, {counted[Health.OK]} ok"
    return palette.paint(summary, _TONES[diagnosis.worst])
