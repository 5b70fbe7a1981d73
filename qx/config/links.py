"""Names that must refer to something, and places that must agree with each other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.config.address import parse_url
from qx.config.document import dotted
from qx.config.fault import Fault
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.model.platform import LabRoute, LocalControl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qx.config.document import Trail
    from qx.model.platform import Cluster, Platform

NOTHING, CLASH = "QX-CFG-006", "QX-CFG-008"


def check(platform: Platform) -> Iterator[Fault]:
    yield from _names(platform)
    for name, cluster in platform.clusters.items():
        yield from _regions_of(platform, ("clusters", name), cluster)
        yield from _agreement(("clusters", name), cluster)
    yield from _approvals(platform)
    yield from _residency(platform)
    yield from _once(_claims(platform))
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
        yield from _exists(platform, (*trail, "nodes", region), region, on_key=True)
        for viewer in node.replication.via:
            yield from _exists(platform, (*trail, "nodes", region, "replication", "via", viewer), viewer, on_key=True)
    home = (*trail, "home")
    missing = list(_exists(platform, home, cluster.home))
    yield from missing
    if not missing and cluster.home not in cluster.nodes:
        hint = f"add nodes.{cluster.home}, or choose the home from {', '.join(cluster.nodes)}"
        yield Fault(NOTHING, home, f"the cluster has no node in '{cluster.home}'", hint, also=((*trail, "nodes"),))


def _exists(platform: Platform, trail: Trail, word: str, *, on_key: bool = False) -> Iterator[Fault]:
    if word in platform.regions:
        return
    called = next((key for key, region in platform.regions.items() if word in region.aliases), "")
    hint = f"write its key '{called}', '{word}' is an alias" if called else did_you_mean(word, platform.regions)
    yield Fault(NOTHING, trail, f"no region '{word}'", hint, on_key=on_key, also=(("regions",),))


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
    sentinels, name = (*trail, "sentinels"), (*trail, "sentinel_name")
    if cluster.sentinels and cluster.kind != "redis":
        yield Fault(CLASH, sentinels, f"Sentinels watch Redis; the kind is {cluster.kind}", "remove them", also=(kind,))
    elif cluster.sentinels and not cluster.sentinel_name:
        hint = "add `sentinel_name: ...`, the master's name in the Sentinels"
        yield Fault("QX-CFG-005", name, "is missing", hint, also=(sentinels,))
    elif cluster.sentinel_name and not cluster.sentinels:
        hint = "add `sentinels: [host:port]`, or remove sentinel_name"
        yield Fault("QX-CFG-005", sentinels, "is missing", hint, also=(name,))


def _approvals(platform: Platform) -> Iterator[Fault]:
    ids: dict[str, Trail] = {}
    for index, approval in enumerate(platform.approvals):
        at = ("approvals", index)
        yield from _take(ids, approval.id, (*at, "id"), approval.id)
        for end in ("source", "to"):
            yield from _exists(platform, (*at, end), getattr(approval, end))
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
