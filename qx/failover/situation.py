"""Everything that planning may look at, frozen: so that the same situation always gives the same plan."""

from __future__ import annotations

from msgspec import Struct

from qx.failover.fences import Fenced
from qx.model.control import Control
from qx.model.lease import Lease, Maintenance, Rule
from qx.model.observation import Observation, PgFacts, RedisFacts, Sample
from qx.model.plan import Consent
from qx.model.platform import Platform
from qx.model.residency import Law
from qx.model.risk_limits import RiskStanding
from qx.model.standing import Durable
from qx.model.topology import NodeView, Topology


class Situation(Struct, frozen=True, kw_only=True):
    """`controls`: (cluster, region) -> what its control tells, or the text of why it tells nothing."""

    platform: Platform
    config_file: str
    config_digest: str
    topology: Topology
    rules: dict[str, Rule]
    leases: dict[str, Lease]
    controls: dict[tuple[str, str], Control | str]
    samples: dict[str, tuple[Sample, ...]]
    maintenance: tuple[Maintenance, ...]
    consent: Consent
    now: float
    today: str  # ISO date
    by: str
    plan_id: str
    durable: dict[str, Durable] = {}  # who may have acknowledged, of clusters with durability quorum
    fences: dict[tuple[str, str], Fenced] = {}  # (cluster, region) -> a proof that somebody else has given
    hung: frozenset[tuple[str, str]] = frozenset()  # (cluster, region) of servers that run and answer nobody for long
    ended: dict[tuple[str, str], float] = {}  # (cluster, region) -> since when its server is known to have no process
    risk: dict[str, RiskStanding] = {}  # portfolio -> the last verdict on its limits that was kept
    law: Law = {}  # what the rule packs say of data that the clusters hold, between their regions

    def node(self, cluster: str, region: str) -> NodeView:
        return self.topology.clusters[cluster].nodes[region]

    def facts(self, cluster: str, region: str) -> PgFacts | RedisFacts | None:
        """What the node said of itself; None when it was silent."""
        seen = self.node(cluster, region).seen
        if isinstance(seen, Observation) and isinstance(seen.facts, (PgFacts, RedisFacts)):
            return seen.facts
        return None

    def control(self, cluster: str, region: str) -> Control | None:
        found = self.controls.get((cluster, region))
        return None if isinstance(found, str) else found


def position(facts: PgFacts | RedisFacts) -> int:
    return facts.position if isinstance(facts, PgFacts) else facts.offset


def lineage(facts: PgFacts | RedisFacts) -> str:
    """Within one lineage positions compare."""
    return f"{facts.system_id}/{facts.timeline}" if isinstance(facts, PgFacts) else facts.replid
