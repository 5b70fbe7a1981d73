"""Names that must refer to something, and places that must agree with each other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.config.address import parse_host_port, parse_url
from qx.config.document import dotted
from qx.config.fault import Fault
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.model.notify import EmailChannel
from qx.model.platform import LabRoute, LocalControl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qx.config.document import Trail
    from qx.model.platform import Cluster, Platform, StoreAt

NOTHING, CLASH = "QX-CFG-006", "QX-CFG-008"


def check(platform: Platform) -> Iterator[Fault]:
    yield from _names(platform)
    for name, cluster in platform.clusters.items():
        yield from _regions_of(platform, ("clusters", name), cluster)
        yield from _agreement(("clusters", name), cluster)
    yield from _approvals(platform)
    yield from _residency(platform)
    yield from _once(_claims(platform))
    yield from _store(platform.store)
    yield from _notify(platform)
    if platform.defaults.lag_critical < platform.defaults.lag_warning:
        message = f"is shorter than lag_warning ({platform.defaults.lag_warning})"
        also = (("defaults", "lag_warning"),)
        yield Fault(CLASH, ("defaults", "lag_critical"), message, "change one of the two", also=also)


def region_named(platform: Platform, word: str) -> str:
    """The key of the region that an operator calls `word`: key or alias, in any case. Raises QX-OBS-001."""
    asked = _spoken(word)
    for name, region in platform.regions.items():
        if asked in map(_spoken, (name, *region.aliases)):
            return name
    words = [*platform.regions, *(alias for region in platform.regions.values() for alias in region.aliases)]
    raise QxError("QX-OBS-001", f"no region '{word}'", hint=_suggestion(asked, words, platform.regions))


def cluster_named(platform: Platform, word: str) -> str:
    """The name of the cluster that an operator calls `word`, in any case. Raises QX-OBS-002."""
    asked = _spoken(word)
    for name in platform.clusters:
        if asked == _spoken(name):
            return name
    raise QxError("QX-OBS-002", f"no cluster '{word}'", hint=_suggestion(asked, platform.clusters, platform.clusters))


def _suggestion(asked: str, words: Iterable[str], keys: Iterable[str]) -> str:
    """The nearest of `words`; else the list of `keys` alone."""
    near = did_you_mean(asked, words)
    return near if near.startswith("did") else did_you_mean("", keys)


def _spoken(word: str) -> str:
    """Words that an operator would not tell apart: `EU-West`, `eu_west`, `EU West`."""
    return word.strip().casefold().replace("-", "_").replace(" ", "_")


def _names(platform: Platform) -> Iterator[Fault]:
    """Keys and aliases of regions are one name space, as an operator speaks them."""
    taken: dict[str, Trail] = {}
    for name in platform.regions:
        yield from _take(taken, _spoken(name), ("regions", name), name, on_key=True)
    for name, region in platform.regions.items():
        for index, alias in enumerate(region.aliases):
            if taken.get(_spoken(alias), ("", ""))[1] != name:  # its own region's other name does no harm
                yield from _take(taken, _spoken(alias), ("regions", name, "aliases", index), alias)
    clusters: dict[str, Trail] = {}
    for name in platform.clusters:
        yield from _take(clusters, _spoken(name), ("clusters", name), name, on_key=True)


def _take(taken: dict[str, Trail], word: str, trail: Trail, shown: str, *, on_key: bool = False) -> Iterator[Fault]:
    first = taken.setdefault(word, trail)
    if first != trail:
        message = f"'{shown}' is taken by {dotted(first)}"
        yield Fault(CLASH, trail, message, "rename one of the two", on_key=on_key, also=(first,))


def _regions_of(platform: Platform, trail: Trail, cluster: Cluster) -> Iterator[Fault]:
    for region, node in cluster.nodes.items():
        yield from region_exists(platform, (*trail, "nodes", region), region, on_key=True)
        for viewer in node.replication.via:
            via = (*trail, "nodes", region, "replication", "via", viewer)
            yield from region_exists(platform, via, viewer, on_key=True)
    home = (*trail, "home")
    missing = list(region_exists(platform, home, cluster.home))
    yield from missing
    if not missing and cluster.home not in cluster.nodes:
        hint = f"add nodes.{cluster.home}, or choose the home from {', '.join(cluster.nodes)}"
        yield Fault(NOTHING, home, f"the cluster has no node in '{cluster.home}'", hint, also=((*trail, "nodes"),))


def region_exists(platform: Platform, trail: Trail, word: str, *, on_key: bool = False) -> Iterator[Fault]:
    if word in platform.regions:
        return
    called = next((key for key, region in platform.regions.items() if word in region.aliases), "")
    hint = f"write its key '{called}', '{word}' is an alias" if called else did_you_mean(word, platform.regions)
    yield Fault(NOTHING, trail, f"no region '{word}'", hint, on_key=on_key, also=(("regions",),))


def cluster_exists(platform: Platform, trail: Trail, word: str) -> Iterator[Fault]:
    if word not in platform.clusters:
        hint = did_you_mean(word, platform.clusters)
        yield Fault(NOTHING, trail, f"no cluster '{word}'", hint, also=(("clusters",),))


def _agreement(trail: Trail, cluster: Cluster) -> Iterator[Fault]:
    kind = (*trail, "kind")
    if cluster.durability == "quorum":
        if cluster.kind != "postgresql":
            message = f"quorum is PostgreSQL's; a {cluster.kind} cluster replicates asynchronously"
            yield Fault(CLASH, (*trail, "durability"), message, "remove it, or write async", also=(kind,))
        elif len(cluster.nodes) < 2:
            message = "quorum needs a second node: alone the writer could acknowledge nothing"
            hint = "add a node, or write async"
            yield Fault(CLASH, (*trail, "durability"), message, hint, also=(kind, (*trail, "nodes")))
        elif not 0 < cluster.quorum < len(cluster.nodes):
            message = f"{cluster.quorum} standbys cannot acknowledge: the cluster has {len(cluster.nodes) - 1} of them"
            hint = f"write a number from 1 to {len(cluster.nodes) - 1}"
            yield Fault(CLASH, (*trail, "quorum"), message, hint, also=((*trail, "nodes"),))
    yield from _observed_only(trail, cluster)
    sentinels, name = (*trail, "sentinels"), (*trail, "sentinel_name")
    if cluster.sentinels and cluster.kind != "redis":
        yield Fault(CLASH, sentinels, f"Sentinels watch Redis; the kind is {cluster.kind}", "remove them", also=(kind,))
    elif cluster.sentinels and not cluster.sentinel_name:
        hint = "add `sentinel_name: ...`, the master's name in the Sentinels"
        yield Fault("QX-CFG-005", name, "is missing", hint, also=(sentinels,))
    elif cluster.sentinel_name and not cluster.sentinels:
        hint = "add `sentinels: [host:port]`, or remove sentinel_name"
        yield Fault("QX-CFG-005", sentinels, "is missing", hint, also=(name,))


def _observed_only(trail: Trail, cluster: Cluster) -> Iterator[Fault]:
    """A Redis Cluster moves itself: nothing that qx would need to move it may stand there. Others have no members."""
    kind = (*trail, "kind")
    if cluster.kind != "redis-cluster":
        for region, node in cluster.nodes.items():
            if node.members:
                at = (*trail, "nodes", region, "members")
                yield Fault(CLASH, at, f"only a redis-cluster has members; the kind is {cluster.kind}",
                            "remove them, or write `kind: redis-cluster`", also=(kind,))  # fmt: skip
        return
    said = "a Redis Cluster elects its masters itself: qx only observes it"
    if cluster.mode != "observe":
        yield Fault(CLASH, (*trail, "mode"), said, "write observe, or remove it", also=(kind,))
    if cluster.routes:
        yield Fault(CLASH, (*trail, "routes"), said, "remove them", also=(kind,))
    for region, node in cluster.nodes.items():
        if node.control is not None:
            yield Fault(CLASH, (*trail, "nodes", region, "control"), said, "remove it", also=(kind,))


def _store(store: StoreAt) -> Iterator[Fault]:
    at: Trail = ("store", "etcd")
    if store.etcd is None:
        return
    if store.path:
        yield Fault(CLASH, at, "the store is a file or in etcd, not both", "remove one of the two",
                    also=(("store", "path"),))  # fmt: skip
    for one, other in (("user", "password"), ("password", "user"), ("cert", "key"), ("key", "cert")):
        if getattr(store.etcd, one) and not getattr(store.etcd, other):
            yield Fault(CLASH, (*at, one), f"says nothing without {other}", f"add {other}, or remove {one}")
    plain = [number for number, url in enumerate(store.etcd.endpoints) if url.startswith("http:")]
    secured = next((name for name in ("ca", "cert") if getattr(store.etcd, name)), None)
    if plain and secured:
        yield Fault(CLASH, (*at, "endpoints", plain[0]), f"http:// has no use for {secured}", "write https://",
                    also=((*at, secured),))  # fmt: skip


def _approvals(platform: Platform) -> Iterator[Fault]:
    ids: dict[str, Trail] = {}
    for index, approval in enumerate(platform.approvals):
        at = ("approvals", index)
        yield from _take(ids, approval.id, (*at, "id"), approval.id)
        for end in ("source", "to"):
            yield from region_exists(platform, (*at, end), getattr(approval, end))
        if approval.source == approval.to:
            message = f"is the source itself ('{approval.source}'): within a region nothing needs approval"
            hint = "name the region where the data may also live"
            yield Fault(CLASH, (*at, "to"), message, hint, also=((*at, "source"),))


def _residency(platform: Platform) -> Iterator[Fault]:
    """A cell stands once; a jurisdiction that differs from a region's in case only would never match."""
    known = {one.casefold(): one for region in platform.regions.values() for one in region.jurisdictions}
    cells: dict[tuple[str, str, str], Trail] = {}
    for index, rule in enumerate(platform.residency):
        at: Trail = ("residency", index)
        first = cells.setdefault((rule.data_class, rule.source, rule.to), at)
        if first != at:
            cell = f"{rule.data_class}, {rule.source} -> {rule.to}"
            message = f"the cell {cell} has its verdict in {dotted(first)} already"
            yield Fault(CLASH, at, message, "remove one of the two", also=(first,))
        for end in ("source", "to"):
            word = getattr(rule, end)
            meant = known.get(word.casefold(), word)
            if meant != word:
                hint = f"did you mean '{meant}'?"
                yield Fault(NOTHING, (*at, end), f"no region is under '{word}'", hint, also=(("regions",),))


def _notify(platform: Platform) -> Iterator[Fault]:
    """Routes name channels, regions and clusters; an escalation has an instant and somebody to go to."""
    channels = platform.notify.channels
    for name, channel in channels.items():
        if isinstance(channel, EmailChannel):
            yield from _mail_login(("notify", "channels", name), channel)
    for index, route in enumerate(platform.notify.routes):
        at: Trail = ("notify", "routes", index)
        for key in ("channels", "then"):
            for place, word in enumerate(getattr(route, key)):
                if word not in channels:
                    hint = did_you_mean(word, channels) or "describe it under notify.channels"
                    also: tuple[Trail, ...] = (("notify", "channels"),)
                    yield Fault(NOTHING, (*at, key, place), f"no channel '{word}'", hint, also=also)
        for place, word in enumerate(route.match.regions):
            yield from region_exists(platform, (*at, "match", "regions", place), word)
        for place, word in enumerate(route.match.clusters):
            yield from cluster_exists(platform, (*at, "match", "clusters", place), word)
        if route.then and not route.escalate_after:
            hint = "add `escalate_after: 10m`, or remove then"
            yield Fault("QX-CFG-005", (*at, "escalate_after"), "is missing", hint, also=((*at, "then"),))
        elif route.escalate_after and not route.then:
            hint = "add `then: [channel]`, or remove escalate_after"
            yield Fault("QX-CFG-005", (*at, "then"), "is missing", hint, also=((*at, "escalate_after"),))


def _mail_login(trail: Trail, channel: EmailChannel) -> Iterator[Fault]:
    if channel.password and not channel.user:
        hint = "add `user: ...`, or remove password"
        yield Fault("QX-CFG-005", (*trail, "user"), "is missing", hint, also=((*trail, "password"),))
    elif channel.user and not channel.password:
        hint = "add `password: env:NAME`, or remove user"
        yield Fault("QX-CFG-005", (*trail, "password"), "is missing", hint, also=((*trail, "user"),))
    elif channel.password and channel.tls == "none":
        message = "would send the password in the clear"
        yield Fault(CLASH, (*trail, "tls"), message, "write starttls or implicit", also=((*trail, "password"),))


def _claims(platform: Platform) -> Iterator[tuple[object, str, Trail]]:
    """What one node or route only may have: (the thing, its name, where it is claimed)."""
    for name, cluster in platform.clusters.items():
        for region, node in cluster.nodes.items():
            at: Trail = ("clusters", name, "nodes", region)
            try:
                host, port = parse_url(node.url).socket
            except ValueError:
                pass  # told by `forms`
            else:
                yield ("server", host, port), f"the address {host}:{port}", (*at, "url")
            for place, member in enumerate(node.members):
                try:
                    host, port = parse_host_port(member).socket
                except ValueError:
                    continue  # told by `forms`
                yield ("server", host, port), f"the address {host}:{port}", (*at, "members", place)
            if isinstance(node.control, LocalControl):
                path = node.control.data_dir.rstrip("/")
                yield ("data", path), "the data directory", (*at, "control", "data_dir")
            if node.replication.slot:
                slot = node.replication.slot
                yield ("slot", name, slot), f"the slot {slot}", (*at, "replication", "slot")
        for index, route in enumerate(cluster.routes):
            where: Trail = ("clusters", name, "routes", index)
            if isinstance(route, LabRoute):
                yield ("route", route.address), f"the address {route.address}", (*where, "address")
            else:
                yield ("route", route.path), "the file", (*where, "path")


def _once(claims: Iterator[tuple[object, str, Trail]]) -> Iterator[Fault]:
    first: dict[object, Trail] = {}
    for thing, shown, trail in claims:
        holder = first.setdefault(thing, trail)
        if holder != trail:
            message = f"{shown} is taken by {dotted(holder)}"
            yield Fault(CLASH, trail, message, "each has its own", also=(holder,))
