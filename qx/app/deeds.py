"""Deeds: what a person did to the control plane, written into the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.kernel.ids import sortable_id
from qx.model.deed import deed

if TYPE_CHECKING:
    from qx.app.workbench import Workbench


def record(bench: Workbench, intent: str, clusters: tuple[str, ...], proof: dict[str, Any]) -> str:
    """Write a deed into the journal; returns its run."""
    now = bench.clock.now()
    run, entries = deed(sortable_id(now, bench.clock.noise()), intent, clusters, bench.operator, now, proof)
    bench.store.begin(run, None)
    for entry in entries:
        bench.store.append(entry)
    return run.id
