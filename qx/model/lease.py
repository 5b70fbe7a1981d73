"""Lease, Epoch: the time-bound right to act on a cluster, and the number it was granted under, only ever rising."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Lease(Struct, frozen=True):
    cluster: str
    holder: str  # run id
    epoch: int
    until: float  # Unix seconds


class Rule(Struct, frozen=True, kw_only=True):
    """What the store knows of a cluster: the last epoch granted, and the writer that it recorded."""

    cluster: str
    epoch: int
    writer: str | None
    writer_epoch: int = 0  # the epoch under which `writer` was made the writer
    moved_at: float | None = None
    lineage: str = ""


class Record(Struct, frozen=True, kw_only=True):
    """A small named value in the store. `revision` only ever rises, over all records; `until`: when it runs out."""

    kind: str
    key: str
    value: dict[str, Any]
    revision: int
    until: float | None = None


class Maintenance(Struct, frozen=True, kw_only=True):
    """Nothing is moved automatically, and a manual move is refused, until it ends. `scope` is a cluster, a
    region or '*'.
    """

    scope: str
    owner: str
    reason: str
    since: float
    until: float
