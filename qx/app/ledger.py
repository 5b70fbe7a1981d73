"""The ledger of decisions: what was done, and what would have been, with how often that would have been wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.engine.records import read_all, write
from qx.model.standing import Decided

if TYPE_CHECKING:
    from qx.ports.store import Store

KEPT = 500  # the oldest are dropped


def keep(store: Store, decided: Decided) -> None:
    kept = store.records(Decided.KIND)
    for old in sorted(kept, key=lambda each: each.revision)[: max(0, len(kept) - KEPT + 1)]:
        store.drop(Decided.KIND, old.key)
    write(store, decided, f"{decided.cluster}/{decided.at:.3f}")


def decisions(store: Store) -> tuple[Decided, ...]:
    """The latest first."""
    return tuple(sorted(read_all(store, Decided).values(), key=lambda each: -each.at))


def false_positive_rate(decided: tuple[Decided, ...]) -> tuple[int, int]:
    """(would have acted although the writer came back by itself, would have acted at all)."""
    would = sum(each.verdict == "would-act" for each in decided)
    return sum(each.false_positive is True for each in decided), would
