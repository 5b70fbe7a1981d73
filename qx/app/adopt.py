"""`qx control adopt`: take a cluster over that another store, or a later epoch, says is its own. Knowingly,
and on record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.app.situate import situate
from qx.failover.situation import lineage
from qx.kernel.errors import QxError, Refused
from qx.kernel.text import did_you_mean
from qx.model.observation import Marker, PgFacts
from qx.model.plan import Consent

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.lease import Rule

WRITE_S = 5.0


async def adopt(bench: Workbench, cluster: str, reason: str) -> Rule:
    """One writer must be seen. Its marker becomes this store's, under an epoch above every one seen."""
    if cluster not in bench.platform.clusters:
        raise QxError(
            "QX-OBS-002", f"no cluster '{cluster}'", hint=did_you_mean(cluster, bench.platform.clusters)
        )
    at = await situate(bench, Consent())
    facts = {region: at.facts(cluster, region) for region in at.platform.clusters[cluster].nodes}
    writers = [
        r
        for r, f in facts.items()
        if f is not None and (not f.in_recovery if isinstance(f, PgFacts) else f.role == "master")
    ]
    if len(writers) != 1:
        seen = ", ".join(writers) or "none"
        raise Refused(
            "QX-PLAN-001",
            f"{cluster}: exactly one writer must be seen to adopt it; seen: {seen}",
            hint="qx status",
        )
    writer = writers[0]
    found = facts[writer]
    epochs = [f.marker.epoch for f in facts.values() if f is not None and f.marker is not None]
    rule = bench.store.adopt(
        cluster,
        max(epochs, default=0),
        writer,
        lineage(found) if found else "",
        bench.operator,
        reason,
        bench.clock.now(),
    )
    marker = Marker(bench.store.store_id, rule.epoch, writer)
    server = bench.postgres(cluster, writer) if isinstance(found, PgFacts) else bench.redis(cluster, writer)
    try:
        await server.write_marker(marker, WRITE_S, force=True)
    finally:
        await server.close()
    return rule
