"""Do commits wait? What synchronous_standby_names asks for, against the standbys that are there. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qx.model.observation import PgFacts

if TYPE_CHECKING:
    from qx.failover.sight import Facts

_COUNTED = re.compile(r"\s*(?:(?:ANY|FIRST)\s+)?(\d+)\s*\(", re.IGNORECASE)


def waiting_for(facts: Facts) -> int:
    """How many more standbys a commit of this writer waits for; 0 when it waits for none."""
    if not isinstance(facts, PgFacts):
        return 0
    names = facts.settings.get("synchronous_standby_names", "").strip()
    if not names or facts.settings.get("synchronous_commit", "on") in {"off", "local"}:
        return 0
    found = _COUNTED.match(names)
    wanted = int(found[1]) if found else 1
    there = sum(s.state == "streaming" and s.sync_state in {"sync", "quorum"} for s in facts.senders)
    return max(0, wanted - there)
