"""What the store rules: epochs, recorded writers, leases in force; and the maintenance windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from qx.kernel.spans import format_seconds
from qx.render import encode
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qx.model.lease import Lease, Maintenance, Rule


class Ruled(Struct, frozen=True, kw_only=True):
    """A cluster, what the store knows of it, and who holds it. `configured`: it stands in regions.yaml."""

    cluster: str
    configured: bool
    rule: Rule | None
    lease: Lease | None


def ruled(configured: Sequence[str], rules: Mapping[str, Rule], leases: Sequence[Lease]) -> tuple[Ruled, ...]:
    """Configured clusters in their order, then those that only the store knows."""
    held = {lease.cluster: lease for lease in leases}
    books = "runbook:"  # the lease of a runbook is no cluster's
    names = [*configured, *(name for name in rules if name not in configured and not name.startswith(books))]
    return tuple(
        Ruled(cluster=name, configured=name in configured, rule=rules.get(name), lease=held.get(name)) for name in names
    )


def control_document(store_id: str, store: str, clusters: Sequence[Ruled]) -> dict[str, Any]:
    """The fields of a `qx.control/1`."""
    return {"store_id": store_id, "store": store, "clusters": encode.builtins(clusters)}


def control_text(
    store_id: str, store: str, clusters: Sequence[Ruled], now: float, context: str,
    palette: Palette = PLAIN, width: int | None = None,
) -> str:
    columns: list[Column | str] = [
        Column("cluster", give="wrap"), Column("epoch", right=True), "writer", Column("since epoch", right=True),
        Column("moved", give="wrap"), Column("held by", give="wrap"),
    ]
    rows = [_row(each, now) for each in clusters]
    head = fields([("store", store), ("store id", Cell(store_id, "strong"))], palette=palette)
    return "\n".join([context, head, table(columns, rows, width=width, palette=palette)])


def _row(each: Ruled, now: float) -> list[Cell | str]:
    lease: Cell | str = "nobody"
    if each.lease is not None:
        lease = Cell(f"run {each.lease.holder} for {format_seconds(max(0.0, each.lease.until - now))}", "accent")
    name = each.cluster if each.configured else f"{each.cluster} (not in regions.yaml)"
    if each.rule is None:
        return [name, "0", Cell("not recorded yet", "dim"), "", "", lease]
    moved = moment(each.rule.moved_at) or "never"
    return [name, str(each.rule.epoch), each.rule.writer or "none", str(each.rule.writer_epoch or ""), moved, lease]


def maintenance_text(
    windows: Sequence[Maintenance], now: float, context: str, palette: Palette = PLAIN, width: int | None = None
) -> str:
    if not windows:
        return f"{context}\nno maintenance: moves are allowed"
    columns: list[Column | str] = ["scope", "until", Column("left", right=True), "by", Column("reason", give="wrap")]
    rows: list[list[Cell | str]] = [
        [Cell("everything" if window.scope == "*" else window.scope, "warn"), moment(window.until),
         format_seconds(max(0.0, window.until - now)), window.owner, window.reason]
        for window in windows
    ]
    return f"{context}\n{table(columns, rows, width=width, palette=palette)}"
