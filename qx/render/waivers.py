"""Overrides and waivers as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.waiver import Waiver, WaiverState

_TONES: dict[WaiverState, Tone] = {
    "requested": "warn", "approved": "good", "refused": "bad", "revoked": "bad", "expired": "dim",
}  # fmt: skip


def waivers_text(found: Sequence[Waiver], palette: Palette = PLAIN, width: int | None = None) -> str:
    if not found:
        return "no waiver"
    columns = [Column("waiver"), Column("state"), Column("rule"), Column("of", give="wrap"), Column("until"),
               Column("by", give="wrap")]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [Cell(each.id, "strong"), Cell(each.state, _TONES[each.state]), each.rule, _of(each), each.until, _people(each)]
        for each in found
    ]
    return f"{table(columns, rows, width=width, palette=palette)}\n\n{plural(len(found), 'waiver')}"


def waiver_text(found: Waiver, palette: Palette = PLAIN, width: int | None = None) -> str:
    pairs: list[tuple[str, Cell | str]] = [
        (found.kind, Cell(found.id, "strong")),
        ("state", Cell(found.state, _TONES[found.state])),
        ("rule", f"{found.rule} ({found.severity}) of pack {found.pack}, digest {found.pack_digest[:12]}"),
        ("of", _of(found)),
        ("in", ", ".join(found.regions)),
        ("until", found.until),
        ("asked for", _said(found.requested_by, found.account, found.requested_at, found.reason)),
    ]
    if found.approved_at:
        said = _said(found.approved_by, found.approved_account, found.approved_at, found.approved_reason)
        pairs.append(("approved", said))
    if found.ended_at:
        pairs.append((found.state, _said(found.ended_by, found.ended_account, found.ended_at, found.ended_reason)))
    if found.state == "requested":
        pairs.append(("next", f"somebody else: qx waivers approve {found.id} --by WHO --reason TEXT"))
    return fields(pairs, width=width, palette=palette)


def _of(found: Waiver) -> str:
    if found.counterparty:
        return f"counterparty {found.counterparty}"
    return f"{found.validation} ({found.transaction})" if found.transaction else found.validation


def _people(found: Waiver) -> str:
    return ", ".join(dict.fromkeys(each for each in (found.requested_by, found.approved_by, found.ended_by) if each))


def _said(who: str, account: str, at: str, reason: str) -> str:
    return f"{who}{f' as {account}' if account and account != who else ''} at {at}: {reason}"
