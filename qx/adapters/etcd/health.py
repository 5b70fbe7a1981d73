"""How the members of an etcd cluster are: each asked, who leads, which alarms stand; and the leader moved elsewhere.

Nothing here needs a majority but the alarms and the move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from qx.adapters.etcd import wire
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Collection

    from qx.adapters.etcd.gateway import Gateway

# Before these, a member that is killed under load may come back with other data.
SAFE: dict[tuple[int, ...], tuple[int, ...]] = {(3, 4): (3, 4, 22), (3, 5): (3, 5, 6)}
FULL_BYTES = 1_600_000_000  # of 2 GiB, the quota unless it was set


class Asked(Struct, frozen=True, kw_only=True):
    """One endpoint, as it answered; `error`: why it did not. `leader`: id of the member that it follows, 0: none."""

    endpoint: str
    id: int = 0
    version: str = ""
    leader: int = 0
    db_bytes: int = 0
    error: str = ""

    @property
    def leads(self) -> bool:
        return self.id != 0 and self.id == self.leader

    @property
    def unsafe(self) -> str:
        """The version from which on this one is safe; '' when it is, or is not known."""
        numbers = tuple(int(part) for part in self.version.split("-")[0].split(".") if part.isdecimal())
        if not numbers:
            return ""
        safe = SAFE.get(numbers[:2], (3, 5, 6) if numbers < (3, 4) else numbers)
        return ".".join(map(str, safe)) if numbers < safe else ""


class Condition(Struct, frozen=True, kw_only=True):
    """`members`: id -> name, of those that the cluster consists of. `alarms`: in words."""

    asked: tuple[Asked, ...]
    members: dict[int, str]
    alarms: tuple[str, ...]

    @property
    def leader(self) -> Asked | None:
        return next((each for each in self.asked if each.leads), None)


def condition(gateway: Gateway) -> Condition:
    """Every endpoint asked, each within the gateway's timeout. Raises QX-STORE-005 when no majority answers."""
    asked = tuple(_asked(gateway, endpoint) for endpoint in gateway.at.endpoints)
    found = gateway.ask("/v3/maintenance/alarm", {"action": "GET"}, wire.Alarms, gateway.deadline())
    members = _members(gateway)
    alarms = tuple(f"{each.alarm} of {members.get(each.member_id, hex(each.member_id))}" for each in found.alarms)
    return Condition(asked=asked, members=members, alarms=alarms)


def move_leader(gateway: Gateway, away_from: str, not_to: Collection[str] = ()) -> str:
    """Another member leads, if `away_from` (a member's name) does; its name. Raises QX-STORE-005 when none can be told.

    The one chosen is the first that answered, follows and is not among `not_to`; '' when those are all that could, or
    another than `away_from` leads already.
    """
    names = _members(gateway)
    asked = [_asked(gateway, endpoint) for endpoint in gateway.at.endpoints]
    leader = next((each for each in asked if each.leads), None)
    if leader is None or names.get(leader.id) != away_from:
        return ""
    able = [each for each in asked if not each.error and each.leader == leader.id and not each.leads]
    for other in able:
        if names.get(other.id) not in not_to:
            gateway.ask_one(
                leader.endpoint, "/v3/maintenance/transfer-leadership", {"targetID": str(other.id)}, wire.Moved
            )
            return names.get(other.id, hex(other.id))
    if able:
        return ""
    hint = "store.etcd.endpoints must name the other members too, and one of them must answer."
    raise QxError("QX-STORE-005", f"no member of etcd can take the lead from {away_from}", hint=hint)


def _asked(gateway: Gateway, endpoint: str) -> Asked:
    try:
        status = gateway.ask_one(endpoint, "/v3/maintenance/status", {}, wire.Status)
    except QxError as error:
        return Asked(endpoint=endpoint, error=error.message)
    return Asked(
        endpoint=endpoint, id=status.header.member_id, version=status.version, leader=status.leader,
        db_bytes=status.db_size,
    )


def _members(gateway: Gateway) -> dict[int, str]:
    found = gateway.ask("/v3/cluster/member/list", {}, wire.Members, gateway.deadline())
    return {each.id: each.name for each in found.members}
