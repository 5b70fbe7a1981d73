"""Witness: what each controller sees of every cluster's writer, told to the others through the store.

A record runs out by itself, so that a controller that is gone is no witness: by the store's clock, or by that of who
reads it. It says what was seen, not what to do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import convert

from qx.engine.records import write
from qx.model.standing import Witness
from qx.model.topology import Cause

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from qx.engine.renewals import Renewals
    from qx.model.control import Control
    from qx.model.topology import Topology
    from qx.ports.store import Still, Store

INTERVALS, LEAST_S = 3.0, 3.0  # a witness that did not speak for so many looks, and so long, is none
ELECTING_S = 1.0  # the store may be silent to all of them for some time, and gives each its whole time anew then


def testify(
    store: Store, region: str, topology: Topology, lost: Collection[str], controls: Mapping[str, Control], every: float
) -> None:
    """`lost`: clusters whose replicas are connected to a writer from which nothing comes. `controls`: beside it, by
    cluster. Raises QX-STORE-*.
    """
    views = topology.clusters.items()
    gone = tuple(name for name, view in views if view.cause is Cause.WRITER_DEAD or name in lost)
    heard = tuple(name for name, view in topology.clusters.items() if view.writer is not None)
    ttl = max(LEAST_S, every * INTERVALS)
    said = Witness(
        region=region, at=topology.at, gone=gone, heard=heard, controls=dict(controls), ttl=ttl + ELECTING_S
    )
    write(store, said, region, ttl=ttl)


def witnesses(store: Still | Store, renewals: Renewals) -> dict[str, Witness]:
    """By region, those that still speak."""
    said = store.records(Witness.KIND)
    speaking = renewals.in_force(said)
    return {each.key: convert(each.value, Witness) for each in said if each.key in speaking}
