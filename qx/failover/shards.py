"""Members' own views -> shards: who owns which slots, who follows whom, how far behind. Pure.

Of several views the one that sees the most of the cluster counts (the majority's side of a cut), then the newest epoch;
whoever says otherwise is told apart. What a master no longer claims itself it does not serve, whatever others believe.
A replica's lag is what its master says of it, where the master was asked; else it is the difference of what gossip
says, which is up to a second old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from qx.kernel.spans import format_seconds
from qx.model.redis_cluster import Replica, Shard, slot_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from qx.model.redis_cluster import Member, Peer, Range


class Table(NamedTuple):
    """`view`: the one that counts. `heard`: every member that answered, by its id. `regions`: address -> region."""

    view: Member
    heard: dict[str, Member]
    regions: Mapping[str, str]

    def region(self, address: str) -> str:
        return self.regions.get(_plain(address), "")


def table_of(members: Sequence[Member], regions: Mapping[str, str]) -> Table:
    """`members`: one or more. `regions`: of every address that the configuration names."""
    heard = {member.id: member for member in members}
    known = {_plain(address): region for address, region in regions.items()}
    known |= {_plain(_own(member).address): known[_plain(member.address)] for member in members}
    return Table(max(members, key=_sees), heard, known)


def shards_of(table: Table) -> tuple[Shard, ...]:
    """Masters that own slots, by their first slot; then those with replicas and no slots, which were failed over."""
    peers = _peers(table)
    masters = [peer for peer in peers if peer.role == "master" and (peer.slots or _followers(peers, peer))]
    masters.sort(key=lambda peer: peer.slots or ((1 << 20, 0),))
    return tuple(_shard(table, master) for master in masters)


def uncovered(table: Table) -> tuple[Range, ...]:
    """Slots that nobody owns."""
    owned = sorted(slots for peer in _peers(table) if peer.role == "master" for slots in peer.slots)
    gaps, free = [], 0
    for first, last in owned:
        if first > free:
            gaps.append((free, first - 1))
        free = max(free, last + 1)
    return (*gaps, (free, 16383)) if free < 16384 else tuple(gaps)


def _peers(table: Table) -> list[Peer]:
    """The view that counts, without the slots that their owner gave up."""
    found = []
    for peer in table.view.peers:
        itself = table.heard.get(peer.id)
        claim = _own(itself) if itself is not None else peer
        gave_up = claim.epoch >= peer.epoch and claim.slots != peer.slots
        found.append(replace(peer, slots=_both(peer.slots, claim.slots)) if gave_up else peer)
    return found


def _both(one: Sequence[Range], other: Sequence[Range]) -> tuple[Range, ...]:
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple(sorted((first, last) for first, last in pairs if first <= last))


def disagreements(table: Table) -> Iterator[tuple[Member, str]]:
    """Every member that says something else than the view that counts, and what."""
    ours = _owners(table.view)
    for member in table.heard.values():
        if member is table.view:
            continue
        theirs = _owners(member)
        odd = sorted(theirs.items() ^ ours.items())
        if odd:
            yield member, _difference(table, odd[0][0], ours, theirs)
        elif member.state != table.view.state:
            said, here = ("that the cluster fails", "that it is well")[:: 1 if member.state == "fail" else -1]
            yield member, f"says {said}, {table.view.address} {here}"


def _difference(
    table: Table, slots: Range, ours: dict[Range, tuple[str, int]], theirs: dict[Range, tuple[str, int]]
) -> str:
    here, there = (_owner(table, each.get(slots)) for each in (ours, theirs))
    return f"says that slots {slot_words((slots,))} belong to {there}, {table.view.address} that they belong to {here}"


def _owner(table: Table, owner: tuple[str, int] | None) -> str:
    if owner is None:
        return "nobody as one range"
    name, epoch = owner
    address = next((peer.address for peer in table.view.peers if peer.id == name), name[:8])
    return f"{address} (config epoch {epoch})"


def _owners(member: Member) -> dict[Range, tuple[str, int]]:
    return {slots: (peer.id, peer.epoch) for peer in member.peers if peer.role == "master" for slots in peer.slots}


def _sees(member: Member) -> tuple[int, int, int]:
    alive = sum(peer.role == "master" and bool(peer.slots) and peer.state == "ok" for peer in member.peers)
    return alive, member.epoch, len(member.peers)


def _own(member: Member) -> Peer:
    return next(peer for peer in member.peers if peer.id == member.id)


def _followers(peers: Sequence[Peer], master: Peer) -> list[Peer]:
    return [peer for peer in peers if peer.role == "replica" and peer.master == master.id]


def _shard(table: Table, master: Peer) -> Shard:
    return Shard(
        slots=master.slots,
        master=master.address,
        region=table.region(master.address),
        state=master.state,
        epoch=master.epoch,
        replicas=tuple(_replica(table, master, peer) for peer in _followers(table.view.peers, master)),
    )


def _replica(table: Table, master: Peer, peer: Peer) -> Replica:
    region, itself = table.region(peer.address), table.heard.get(peer.id)
    above = table.heard.get(master.id)
    seen = next((f for f in above.followers if _plain(f.address) == _plain(peer.address)), None) if above else None
    streaming = itself.link_up if itself else seen is not None if above else peer.state == "ok"
    size: int | None = None
    seconds: float | None = None
    because = ""
    if above is not None and seen is not None:
        size = max(0, above.offset - seen.offset)
        seconds = 0.0 if not size else float(seen.ack_age_s)
    elif peer.offset and master.offset:
        size, because = max(0, master.offset - peer.offset), "as gossip says"
    if itself is not None and not itself.link_up:
        seconds, because = float(itself.link_down_s), f"its link is down for {format_seconds(itself.link_down_s)}"
    elif peer.state != "ok":
        because = f"its peers find it {peer.state}"
    elif not streaming:
        because = "its master knows of no link with it"
    return Replica(
        address=peer.address, region=region, state=peer.state, streaming=streaming and peer.state == "ok", bytes=size,
        seconds=seconds, because=because,
    )


def _plain(address: str) -> str:
    host, _, port = address.lower().rpartition(":")
    return f"{'127.0.0.1' if host in ('localhost', '::1', '[::1]') else host}:{port}"
