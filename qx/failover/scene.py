"""One cluster while it is judged: what was seen of it, and the node that its replicas are measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.failover.sight import facts_of, takes_writes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.model.observation import Observation, Sample, Silence
    from qx.model.platform import Cluster, Defaults


class Scene(NamedTuple):
    name: str
    cluster: Cluster
    defaults: Defaults
    seen: Mapping[str, Observation | Silence]  # region -> what was seen of its node
    measure: str | None  # region of the writer to measure against
    samples: tuple[Sample, ...]  # of that writer's positions
    heard_within: float | None = None  # a replica that heard nothing for longer has lost it; None: as it says itself

    def astray(self, upstream: str | None) -> str:
        """What is wrong with following `upstream`, when that one takes writes and is not the writer; else ''."""
        facts = facts_of(self.seen.get(upstream or ""))
        if self.measure is None or upstream == self.measure or facts is None or not takes_writes(facts):
            return ""
        return f"which is not the writer: {self.measure} is"
