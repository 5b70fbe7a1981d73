"""The layout: which clusters stand, and that every pair of places has its own way to every service."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from qx.lab.layout import CONTROL, ETCD, HTTP, OPS, PEER, REGIONS, Layout, layout


def of(count: int, *, controllers: bool = False) -> Layout:
    return layout(count, Path("/data"), itertools.count(20000), controllers=controllers)


@pytest.mark.parametrize(
    ("count", "clusters"),
    [
        (3, {"trading", "sessions"}),
        (4, {"trading", "sessions"}),
        (5, {"trading", "sessions", "guyana-book"}),
        (6, {"trading", "sessions", "guyana-book", "bahrain-book"}),
    ],
)
def test_a_cluster_stands_where_all_of_its_regions_stand(count: int, clusters: set[str]) -> None:
    it = of(count)
    assert it.regions == REGIONS[:count]
    assert {cluster.name for cluster in it.clusters} == clusters
    assert all({node.region for node in it.nodes_of(c)} == set(c.regions) for c in it.clusters)


@pytest.mark.parametrize("count", [2, 7])
def test_other_numbers_of_regions_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match="3 to 6"):
        of(count)


def test_no_port_is_given_twice() -> None:
    it = of(6, controllers=True)
    ports = [node.port for node in it.nodes]
    ports += [port for member in it.members for port in (member.client, member.peer)] + [*it.fabric.proxies.values()]
    ports += [*it.endpoints.values(), *it.fabric.routes.values()]
    ports += [relay.listen for relay in it.fabric.relays]
    assert len(ports) == len(set(ports))


def test_every_place_has_a_relay_to_every_service_of_every_other_region() -> None:
    it = of(6)
    for target in it.regions:
        services = {node.cluster: node.port for node in it.nodes if node.region == target}
        services |= {HTTP: it.endpoints[target]}
        for source in (OPS, *it.regions):
            found = {r.service: r.port for r in it.fabric.relays if (r.source, r.target) == (source, target)}
            assert found == ({} if source == target else services | {CONTROL: None})


def test_members_of_etcd_stand_in_three_regions_and_are_reached_through_relays_only() -> None:
    assert of(6).members == ()
    it = of(6, controllers=True)
    assert [member.region for member in it.members] == list(REGIONS[:3])
    assert {address: it.fabric.peers[address] for address in (m.known_as for m in it.members)} == it.fabric.peers
    for member in it.members:
        for source in {OPS, *it.regions} - {member.region}:
            found = {r.service: r.port for r in it.fabric.relays if (r.source, r.target) == (source, member.region)}
            assert (found[ETCD], found[PEER]) == (member.client, member.peer)


def test_what_is_a_nodes_own_stands_outside_of_its_data_directory() -> None:
    for node in of(6).nodes:
        assert node.config_file.parent == node.data_dir.parent
        assert not node.log_file.is_relative_to(node.data_dir)
