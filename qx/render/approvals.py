"""What waits for an approval, and what was approved, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.spans import format_seconds
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, printable
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.approval import ApprovalRequest, Approved, Waiting


def waiting_text(
    found: Sequence[Waiting], now: float, context: str, palette: Palette = PLAIN, width: int | None = None
) -> str:
    if not found:
        return f"{context}\nnothing waits for an approval"
    columns: list[Column | str] = [
        "waits", Column("step"), Column("asked by", give="wrap"), "until", "left", Column("approved", give="wrap"),
        Column("what", give="wrap"),
    ]  # fmt: skip
    rows: list[list[Cell | str]] = [
        [
            each.request.name, each.request.step, each.request.by, moment(each.request.expires),
            format_seconds(max(0.0, each.request.expires - now)),
            Cell(_far(each), "good" if each.enough else "warn"), printable(each.request.message),
        ]
        for each in found
    ]  # fmt: skip
    lines = [context, table(columns, rows, width=width, palette=palette)]
    lines += [f"{each.request.name}: {printable(why)}" for each in found for why in each.against]
    return "\n".join(lines)


def _far(waiting: Waiting) -> str:
    """`1 of 2: ada`."""
    names = f": {', '.join(waiting.approved_by)}" if waiting.approved_by else ""
    return f"{len(waiting.approved_by)} of {waiting.required}{names}"


def waiting_lines(found: Sequence[Waiting], now: float, palette: Palette = PLAIN) -> list[str]:
    """For the head of other answers: a line for each plan or run that waits for a person."""
    lines = []
    for each in found:
        left = format_seconds(max(0.0, each.request.expires - now))
        what = f"waits for a person: {printable(each.request.message)} ({_far(each)}, {left} left)"
        way = f"qx apply {each.request.plan}" if each.enough and not each.request.daemon else (
            f"qx approve {each.request.name} --reason TEXT")  # fmt: skip
        lines += [palette.paint(what, "warn"), f"  next: {way}"]
    return lines


def given_text(
    asked: Sequence[ApprovalRequest], given: Sequence[Approved], left: Sequence[Waiting], palette: Palette = PLAIN
) -> str:
    """`left`: what still waits."""
    lines = []
    for request, each in zip(asked, given, strict=True):
        what = f"run {each.run}, step {each.step}" if each.run else f"plan {each.plan}, {request.message}"
        lines.append(f"approved: {printable(what)}, by {each.by}, until {moment(each.expires)}")
        rest = next((one for one in left if one.request == request), None)
        if rest is not None and not rest.enough:
            lines.append(palette.paint(f"  {_far(rest)}: more have to approve it", "warn"))
        elif request.daemon:
            lines.append("  the daemon carries it out: qx runs list")
        elif not request.run:
            lines.append(f"  next: qx apply {each.plan}")
    return "\n".join(lines)
