"""What `qx doctor` says of durability `quorum`: how it is set up, and what it does not cover."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, LiteralString

from qx.failover.quorum import NOT_COVERED
from qx.failover.quorum_readiness import quorum_readiness
from qx.kernel.errors import QxError
from qx.model.diagnosis import Examined, Health

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.topology import Topology

GROUP = "durability"
# Who has chosen less than the server: (role or '', database or '', value).
_BELOW: LiteralString = """
SELECT coalesce(r.rolname, ''), coalesce(d.datname, ''), split_part(each, '=', 2)
FROM pg_db_role_setting AS s CROSS JOIN LATERAL unnest(s.setconfig) AS each
LEFT JOIN pg_roles AS r ON r.oid = s.setrole LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
WHERE split_part(each, '=', 1) = 'synchronous_commit' AND split_part(each, '=', 2) NOT IN ('on', 'remote_apply')
ORDER BY 1, 2
"""


async def durability(bench: Workbench, topology: Topology) -> list[Examined]:
    """Nothing where no cluster has durability quorum."""
    names = [name for name, cluster in bench.platform.clusters.items() if cluster.durability == "quorum"]
    advised = quorum_readiness(bench.platform, topology)
    found = [
        Examined(group=GROUP, name=f"{each.cluster}/{each.region}", status=Health(each.status),
                 evidence=each.evidence, fix=each.fix)
        for each in advised
    ]  # fmt: skip
    for rows in await asyncio.gather(*(_below(bench, topology, name) for name in names)):
        found += rows
    wrong = {each.name.partition("/")[0] for each in found}
    return found + [
        Examined(group=GROUP, name=name, status=Health.OK, evidence=f"in force; not covered: {NOT_COVERED}")
        for name in names
        if name not in wrong and topology.clusters[name].writer is not None
    ]


async def _below(bench: Workbench, topology: Topology, name: str) -> list[Examined]:
    from qx.adapters.postgres.session import Session

    writer = topology.clusters[name].writer
    if writer is None:
        return []
    node = bench.platform.clusters[name].nodes[writer]
    session = Session(f"{name}/{writer}", node.url, lambda: bench.secret(node.password), "")
    try:
        rows = await session.ask(_BELOW, timeout=bench.platform.defaults.probe_timeout, harmless=True)
    except QxError:  # told under connectivity, by the same server's own probe
        return []
    finally:
        await session.close()
    return [_chosen(name, writer, *row) for row in rows]


def _chosen(name: str, writer: str, role: str, database: str, value: str) -> Examined:
    who = " in ".join(
        words for words in (f"role {role}" if role else "", f"database {database}" if database else "") if words
    )
    place = f"ROLE {role or 'ALL'}" + (f" IN DATABASE {database}" if database else "")
    place = place if role else f"DATABASE {database}"
    return Examined(
        group=GROUP, name=f"{name}/{writer}", status=Health.WARNING,
        evidence=f"{who} has synchronous_commit = {value}: what it commits waits for nobody, and may be lost",
        fix=f"ALTER {place} RESET synchronous_commit",
    )  # fmt: skip
