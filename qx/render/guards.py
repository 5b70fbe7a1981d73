"""Guards of all nodes, and a writer that a person started under one, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.spans import format_seconds
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qx.model.guarding import Attested, GuardStart, NodeGuard

_ENDS: dict[str, tuple[str, Tone]] = {
    "clean": ("stopped cleanly", "plain"), "crash": ("crashed", "bad"), "expired": ("ended at its deadline", "warn"),
}  # fmt: skip


def guards_text(
    guards: Sequence[NodeGuard], waiting: Sequence[Attested], context: str, palette: Palette = PLAIN,
    width: int | None = None,
) -> str:
    """`waiting`: what was attested and no store has heard."""
    if not guards:
        return f"{context}\nno node has a control: qx neither starts nor guards any"
    columns: list[Column | str] = [
        "cluster", "region", "server", Column("guard", give="cut"), Column("epoch", right=True),
        Column("deadline", give="wrap"), Column("held for", give="wrap"),
    ]  # fmt: skip
    text = f"{context}\n{table(columns, map(_row, guards), width=width, palette=palette)}"
    for word in waiting:
        said = f"{word.cluster} in {word.region} was started at {moment(word.at)} on the word of {word.by}"
        text += f"\n{palette.paint(f'{said}; no store has heard it yet', 'warn')}"
    return text


def _row(each: NodeGuard) -> list[Cell | str]:
    head: list[Cell | str] = [each.cluster, each.region]
    if each.running is None:
        return [*head, Cell("unknown", "warn"), "", "", Cell(each.why, "warn"), ""]
    if not each.running:
        ended, tone = _ENDS.get(each.exited, ("", "plain"))
        return [*head, Cell("down", "bad"), "", "", Cell(ended, tone), each.held_for]
    if not each.guard:
        return [*head, Cell("runs", "good"), Cell("none", "dim"), "", "", each.held_for]
    left = Cell("runs freely", "dim")
    if each.left_s is not None:
        left = Cell(f"in {format_seconds(each.left_s)}", "accent")
    return [*head, Cell("runs", "good"), each.guard, str(each.epoch), left, each.held_for]


def start_text(start: GuardStart, kept: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    """`kept`: the file where a word waits for a store."""
    did = "runs already" if start.already else "was started as the writer"
    pairs: list[tuple[str, Cell | str]] = [("guard", start.guard or Cell("none", "bad"))]
    pairs += [(f"seen in {region}", said) for region, said in start.seen.items() if region != start.region]
    pairs.append(("follows", Cell(start.follows, "strong")))
    if start.run:
        pairs.append(("deed", f"run {start.run}" if start.journalled else Cell(f"waits in {kept}", "warn")))
    head = f"{start.cluster} in {start.region} {did}, under epoch {start.epoch}"
    return f"{palette.paint(head, 'good')}\n{fields(pairs, width=width, palette=palette)}"
