"""The shards of Redis Clusters as people read them in `qx status`: slots, master, replicas, what is wrong with each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.spans import format_bytes
from qx.model.redis_cluster import slot_words
from qx.render.paint import Palette
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from qx.model.redis_cluster import Replica, Shard
    from qx.model.topology import ClusterView


def shards_text(views: list[ClusterView], palette: Palette, width: int | None) -> str:
    """'' where there are none."""
    columns = (
        Column("CLUSTER"), Column("SLOTS", give="wrap"), Column("MASTER", give="wrap"), Column("EPOCH", right=True),
        Column("REPLICAS", give="wrap"),
    )  # fmt: skip
    rows = [(view.name, *_row(shard)) for view in views for shard in view.shards]
    return table(columns, rows, width=width, palette=palette) if rows else ""


def _row(shard: Shard) -> tuple[str | Cell, ...]:
    master = f"{shard.master}{_in(shard.region)}"
    if shard.state != "ok":
        master += f", {shard.state}"
    well = shard.state == "ok" and all(replica.streaming for replica in shard.replicas)
    replicas = "\n".join(map(_replica, shard.replicas)) or "none"
    return (
        slot_words(shard.slots),
        Cell(master, "plain" if shard.state == "ok" else "bad"),
        str(shard.epoch),
        Cell(replicas, "plain" if well and shard.replicas else "warn"),
    )


def _replica(replica: Replica) -> str:
    where = f"{replica.address}{_in(replica.region)}"
    if replica.state != "ok":
        return f"{where}, {replica.state}"
    if not replica.streaming:
        return f"{where}, not streaming"
    return f"{where} {'lag unknown' if replica.bytes is None else format_bytes(replica.bytes)}"


def _in(region: str) -> str:
    return f" ({region})" if region else ""
