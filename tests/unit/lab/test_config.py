"""A lab's regions.yaml is one that qx accepts, and what it says agrees with the layout."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from qx.config.load import load
from qx.failover.links import address, application_name, slot_name
from qx.failover.residency import may_live
from qx.lab.config import regions_yaml
from qx.lab.lab import Lab
from qx.lab.layout import CONTROL, ETCD, OPS, layout
from qx.lab.layout import slot_name as lab_slot_name
from qx.lab.privileges import Ground
from qx.model.platform import LabRoute, LocalControl, Platform


def lab_in(directory: Path, regions: int, *, controllers: bool = False) -> Lab:
    return Lab(
        directory=directory,
        ready=True,
        ground=Ground(
            run_as=("unshare", "--user", "--map-user=101"), bin_dir=Path("/opt/pg/bin"), data_root=directory / "regions"
        ),
        redis_server=Path("/opt/valkey/valkey-server"),
        layout=layout(regions, directory / "regions", itertools.count(20000), controllers=controllers),
        processes={},
    )


def platform_of(lab: Lab, at: Path, place: str = OPS) -> Platform:
    file = at / "regions.yaml"
    file.write_text(regions_yaml(lab, place))
    return load(file)


@pytest.mark.parametrize("regions", [3, 4, 5, 6])
def test_it_is_accepted_and_agrees_with_the_layout(tmp_path: Path, regions: int) -> None:
    lab = lab_in(Path("/state/it's \"odd\": ünïcode #1"), regions)
    platform = platform_of(lab, tmp_path)
    assert tuple(platform.regions) == lab.layout.regions
    assert {name: tuple(c.nodes) for name, c in platform.clusters.items()} == {
        c.name: c.regions for c in lab.layout.clusters
    }
    for layout_of in lab.layout.clusters:
        cluster = platform.clusters[layout_of.name]
        for node in lab.layout.nodes_of(layout_of):
            described = cluster.nodes[node.region]
            assert f":{lab.layout.relay(OPS, node.region, node.cluster)}/" in described.url
            assert slot_name(cluster, node.region) == lab_slot_name(node.region) == application_name(node.region)
            for peer in set(layout_of.regions) - {node.region}:
                port = lab.layout.relay(peer, node.region, node.cluster)
                assert address(cluster, node.region, peer) == f"127.0.0.1:{port}"
            control = described.control
            assert isinstance(control, LocalControl)
            assert (control.data_dir, control.port) == (str(node.data_dir), node.port)
            assert control.reach == f"127.0.0.1:{lab.layout.relay(OPS, node.region, CONTROL)}"


def test_a_controller_reaches_its_own_region_directly_and_every_other_through_its_relays(tmp_path: Path) -> None:
    lab = lab_in(tmp_path, 4, controllers=True)
    for here in lab.layout.regions:
        platform, operators = platform_of(lab, tmp_path, here), platform_of(lab, tmp_path)
        for node in lab.layout.nodes:
            cluster = platform.clusters[node.cluster]
            own = node.region == here
            port = node.port if own else lab.layout.relay(here, node.region, node.cluster)
            assert f":{port}/" in cluster.nodes[node.region].url
            control = cluster.nodes[node.region].control
            assert isinstance(control, LocalControl)
            reach = "" if own else f"127.0.0.1:{lab.layout.relay(here, node.region, CONTROL)}"
            assert control.reach == reach
            (route,) = cluster.routes
            assert isinstance(route, LabRoute)
            assert route.nodes[node.region] in operators.clusters[node.cluster].nodes[node.region].url
        assert platform.store.etcd is not None
        ports = [int(each.rpartition(":")[2]) for each in platform.store.etcd.endpoints]
        members = {member.region: member.client for member in lab.layout.members}
        ways = {r: members[r] if r == here else lab.layout.relay(here, r, ETCD) for r in members}
        assert sorted(ports) == sorted(ways.values())
        assert here not in members or ports[0] == members[here]


def test_data_may_move_where_the_lab_moves_them_and_guyanas_may_not(tmp_path: Path) -> None:
    platform = platform_of(lab_in(tmp_path, 6), tmp_path)
    for name, cluster in platform.clusters.items():
        for data_class in cluster.data_classes:
            for region in cluster.nodes:
                permit = may_live(platform, data_class, cluster.home, region, "2026-01-01")
                assert permit.allowed, (name, region, permit.because)
    for region in platform.regions:
        permit = may_live(platform, "petroleum_data", "guyana", region, "2026-01-01")
        assert permit.allowed == (region == "guyana")
