"""What one node's facts say of the node itself, whatever its kind; whom it follows, by address.

Pure reading of one Observation or Silence: nothing here compares two nodes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qx.failover.links import application_name, slot_name, url_address
from qx.model.observation import Observation, PgFacts, RedisFacts, Silence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.platform import Cluster

Facts = PgFacts | RedisFacts

# Servers that live may still be silent to qx in these ways: none of them is a sign of death.
ALIVE_BUT_SILENT = frozenset({"auth", "protocol", "secret", "starting"})

_LOOPBACK = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}
_IDLE_MESSAGE_S = 2.0  # what a keepalive may take beyond half the receiver's timeout


def facts_of(seen: Observation | Silence | None) -> Facts | None:
    """The facts of a node that answered, else None."""
    if isinstance(seen, Observation) and isinstance(seen.facts, PgFacts | RedisFacts):
        return seen.facts
    return None


def takes_writes(facts: Facts) -> bool:
    return not facts.in_recovery if isinstance(facts, PgFacts) else facts.role == "master"


def lineage(facts: Facts) -> str:
    """Positions compare within one lineage only: `<system_id>/<timeline>`, or the replid."""
    return f"{facts.system_id}/{facts.timeline}" if isinstance(facts, PgFacts) else facts.replid


def position(facts: Facts) -> int:
    """The furthest that the node holds, in bytes."""
    return facts.position if isinstance(facts, PgFacts) else facts.offset


def receives(facts: Facts, within: float | None = None) -> bool:
    """Whether the node, by its own account, still gets messages from its upstream.

    `within`: so old may the last one be, in seconds, where somebody sees to it that there are any (a heartbeat).
    """
    if isinstance(facts, RedisFacts):
        fresh = within is None or facts.io_age_s <= math.ceil(within)  # told in whole seconds
        return facts.role == "replica" and facts.link_up and fresh
    receiver = facts.receiver
    patience = _patience(facts) if within is None else within
    return receiver is not None and receiver.status == "streaming" and receiver.message_age_s <= patience


def _patience(facts: PgFacts) -> float:
    """How old the last message of a living upstream may be: an idle one is asked after half of wal_receiver_timeout."""
    timeout_ms = facts.settings.get("wal_receiver_timeout", "")
    timeout_s = int(timeout_ms) / 1000 if timeout_ms.isdigit() and timeout_ms != "0" else 60.0
    return timeout_s / 2 + _IDLE_MESSAGE_S


def upstream_address(facts: Facts) -> str:
    """host:port that the node follows; '' for none."""
    if isinstance(facts, PgFacts) and facts.receiver is not None and facts.receiver.host:
        return f"{facts.receiver.host}:{facts.receiver.port}"
    return facts.upstream


def region_at(cluster: Cluster, viewer: str, address: str) -> str | None:
    """The region whose node stands at host:port `address` for a peer in `viewer`: its own way, all's, then qx's."""
    wanted = _plain(address)
    for known in _addresses(cluster, viewer):
        for region, candidate in known.items():
            if candidate and _plain(candidate) == wanted:
                return region
    return None


def region_called(cluster: Cluster, name: str) -> str | None:
    """The region of the replica that names itself, or its slot, `name`."""
    for region in cluster.nodes:
        if name in {region, application_name(region), slot_name(cluster, region)}:
            return region
    return None


def _addresses(cluster: Cluster, viewer: str) -> Iterator[dict[str, str]]:
    others = {region: node for region, node in cluster.nodes.items() if region != viewer}
    yield {region: node.replication.via.get(viewer, "") for region, node in others.items()}
    yield {region: node.replication.address for region, node in others.items()}
    yield {region: url_address(node.url, cluster.kind) for region, node in others.items()}


def _plain(address: str) -> str:
    host, _, port = address.lower().rpartition(":")
    host = host.strip("[]")
    return f"{_LOOPBACK.get(host, host)}:{port}"


def silence_words(silence: Silence) -> str:
    """A predicate for the silent node: 'refuses connections'."""
    words = {
        "refused": "refuses connections",
        "timeout": "does not answer",
        "unreachable": "cannot be reached",
        "auth": "does not accept qx's credentials",
        "protocol": "answers, but not as it should",
        "secret": "was not asked, its secret is missing",
        "starting": "is starting or stopping",
    }[silence.reason]
    return f"{words} ({silence.detail})" if silence.detail else words
