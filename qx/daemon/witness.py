"""Witness: what each controller sees of every cluster's writer, told to the others through the store.

A record runs out by itself, so that a controller that is gone is no witness. It says what was seen, not what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.engine.records import read_all, write
from qx.model.standing import Witness
from qx.model.topology import Cause

if TYPE_CHECKING:
    from qx.model.topology import Topology
    from qx.ports.store import Store

INTERVALS = 3.0  # a witness that did not speak for so many looks is none


def testify(store: Store, region: str, topology: Topology, every: float) -> None:
    """Raises QX-STORE-*."""
    gone = tuple(name for name, view in topology.clusters.items() if view.cause is Cause.WRITER_DEAD)
    heard = tuple(name for name, view in topology.clusters.items() if view.writer is not None)
    said = Witness(region=region, at=topology.at, gone=gone, heard=heard)
    write(store, said, region, ttl=max(1.0, every * INTERVALS))


def witnesses(store: Store) -> dict[str, Witness]:
    """By region."""
    return read_all(store, Witness)
