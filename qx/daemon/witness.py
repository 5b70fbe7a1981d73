"""Witness: what each controller sees of every cluster's writer, told to the others through the store.

A record runs out by itself, so that a controller that is gone is no witness. It says what was seen, not what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.engine.records import read_all, write
from qx.model.standing import Witness
from qx.model.topology import Cause

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from qx.model.control import Control
    from qx.model.topology import Topology
    from qx.ports.store import Still, Store

INTERVALS, LEAST_S = 3.0, 3.0  # a witness that did not speak for so many looks, and so long, is none


def testify(
    store: Store, region: str, topology: Topology, lost: Collection[str], controls: Mapping[str, Control], every: float
) -> None:
    """`lost`: clusters whose replicas are connected to a writer from which nothing comes. `controls`: beside it, by
    cluster. Raises QX-STORE-*.
    """
    views = topology.clusters.items()
    gone = tuple(name for name, view in views if view.cause is Cause.WRITER_DEAD or name in lost)
    heard = tuple(name for name, view in topology.clusters.items() if view.writer is not None)
    said = Witness(region=region, at=topology.at, gone=gone, heard=heard, controls=dict(controls))
    write(store, said, region, ttl=max(LEAST_S, every * INTERVALS))


def witnesses(store: Still | Store) -> dict[str, Witness]:
    """By region."""
    return read_all(store, Witness)
