"""`qx durability` as people read it: what a commit waits for, who is there, what is left to be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from qx.render import encode
from qx.render.paint import PLAIN, Palette
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Sequence


class Stands(Protocol):
    """What is shown of a cluster."""

    @property
    def cluster(self) -> str: ...
    @property
    def durability(self) -> str: ...
    @property
    def writer(self) -> str | None: ...
    @property
    def in_force(self) -> str | None: ...
    @property
    def count(self) -> int: ...
    @property
    def of(self) -> tuple[str, ...]: ...
    @property
    def streaming(self) -> tuple[str, ...]: ...
    @property
    def left(self) -> str: ...
    @property
    def not_covered(self) -> str: ...


def durability_document(found: Sequence[Stands]) -> dict[str, Any]:
    """The fields of a `qx.durability/1`."""
    return {"clusters": encode.builtins(found)}


def durability_text(
    found: Sequence[Stands], context: str, palette: Palette = PLAIN, width: int | None = None
) -> str:
    columns: list[Column | str] = [
        "cluster", "wished", "writer", Column("a commit waits for", give="wrap"), Column("streaming", give="wrap"),
        Column("left to do", give="wrap"),
    ]
    rows = [_row(each) for each in found]
    body = table(columns, rows, width=width, palette=palette) if rows else "every cluster replicates asynchronously"
    notes = {f"not covered: {each.not_covered}" for each in found if each.durability == "quorum"}
    return "\n".join([context, body, *notes])


def _row(each: Stands) -> list[Cell | str]:
    waits = "nobody" if each.in_force is not None and not each.count else f"{each.count} of {', '.join(each.of)}"
    short = each.count > len(set(each.of) & set(each.streaming))
    return [
        each.cluster, each.durability, each.writer or Cell("none seen", "bad"),
        Cell("?", "warn") if each.in_force is None else Cell(waits, "bad" if short else "plain"),
        ", ".join(each.streaming) or "none", Cell(each.left or "nothing", "warn" if each.left else "plain"),
    ]
