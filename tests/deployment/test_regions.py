"""regions.yaml describes exactly the stack of docker-compose.regional.yml: each server a node, each node a server."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args
from urllib.parse import urlsplit

import msgspec
import pytest
import yaml

from qx.app.compliance import Desk
from qx.compliance.flows import Flow, FlowRules
from qx.compliance.residency import ruling
from qx.config.load import load
from qx.config.reference import parse_reference
from qx.failover.links import address, application_name, conninfo, slot_name
from qx.failover.residency import may_live
from qx.model.platform import DataClass, Platform
from qx.model.residency import Law
from tests.deployment.conftest import ROOT

TODAY, AT = "2026-06-01", datetime(2026, 6, 1, tzinfo=UTC)
KINDS = {"postgres": "postgresql", "redis": "redis"}
INSIDE = {"postgresql": 5432, "redis": 6379}


class Server(NamedTuple):
    """A service of the compose file that is a server."""

    service: str
    kind: str
    region: str
    port: int
    env: dict[str, str]


@pytest.fixture(scope="module")
def platform() -> Platform:
    return load(ROOT / "regions.yaml")


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.regional.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def servers(stack: dict[str, Any]) -> dict[int, Server]:
    """By the port that is published on this machine."""
    found = {}
    for name, service in stack["services"].items():
        host, port, _ = service["ports"][0].split(":")
        assert host == "127.0.0.1"
        env = service["environment"]
        found[int(port)] = Server(name, KINDS[name.split("-")[0]], env["REGION"], int(port), env)
    return found


def nodes(platform: Platform) -> list[tuple[str, str, int]]:
    """(cluster, region, port) of every node."""
    return [
        (name, region, urlsplit(node.url).port or 0)
        for name, cluster in platform.clusters.items()
        for region, node in cluster.nodes.items()
    ]


def test_every_server_is_a_node_and_every_node_a_server(platform: Platform, servers: dict[int, Server]) -> None:
    described = nodes(platform)
    assert sorted(port for _, _, port in described) == sorted(servers)
    for cluster, region, port in described:
        server = servers[port]
        assert (platform.clusters[cluster].kind, region) == (server.kind, server.region), server.service
        assert urlsplit(platform.clusters[cluster].nodes[region].url).hostname == "127.0.0.1"


def test_clusters_are_what_replicates(platform: Platform, servers: dict[int, Server]) -> None:
    """A node's peers are the PEERS of its server, at the address that the servers use among themselves."""
    for name, region, port in nodes(platform):
        cluster = platform.clusters[name]
        peers = {address(cluster, other, region) for other in cluster.nodes if other != region}
        assert peers == set(servers[port].env.get("PEERS", "").split()), f"{name} in {region}"
        if peers:
            assert cluster.nodes[region].replication.address == f"{servers[port].service}:{INSIDE[cluster.kind]}"


def test_the_home_is_where_the_writer_is_born(platform: Platform, servers: dict[int, Server]) -> None:
    for name, region, port in nodes(platform):
        env = servers[port].env
        born_a_writer = env["BOOTSTRAP"] == "writer" if "BOOTSTRAP" in env else "UPSTREAM" not in env
        assert born_a_writer == (platform.clusters[name].home == region), f"{name} in {region}"


def test_servers_and_qx_use_the_same_names(platform: Platform) -> None:
    """node.sh calls itself and its slot qx_<region>; it holds the replication password, so no conninfo carries one."""
    trading = platform.clusters["trading"]
    script = (ROOT / "deployment/postgres/node.sh").read_text()
    assert re.search(r"^name=qx_\$\{REGION//-/_\}$", script, re.MULTILINE)
    assert slot_name(trading, "eu-west") == application_name("eu-west") == "qx_eu_west"
    assert conninfo(trading, "us-east", "eu-west") == (
        "host=postgres-us port=5432 user=replicator dbname=qx application_name=qx_eu_west connect_timeout=5"
    )


def test_time_zones_are_those_of_the_servers(platform: Platform, servers: dict[int, Server]) -> None:
    for server in servers.values():
        assert platform.regions[server.region].timezone == server.env["TZ"]


def test_secrets_are_names_of_the_example(platform: Platform, servers: dict[int, Server]) -> None:
    example = (ROOT / ".env.regional.example").read_text()
    for name, region, port in nodes(platform):
        node = platform.clusters[name].nodes[region]
        scheme, variable = parse_reference(node.password)
        assert scheme == "env"
        assert re.search(rf"^{variable}=\S+ +# \[qx\]", example, re.MULTILINE), variable
        assert not node.replication.password
        if platform.clusters[name].kind == "redis":
            assert f"${{{variable}:?" in servers[port].env["REDIS_PASSWORD"]
    written = (ROOT / "docker-compose.regional.yml").read_text()
    assert "CONTROL_PASSWORD: ${QX_DB_PASSWORD:?" in written


@pytest.fixture(scope="module")
def law(platform: Platform) -> Law:
    rules = FlowRules(Desk({}).packs)
    places = {each for region in platform.regions.values() for each in region.jurisdictions}
    classes = get_args(DataClass)
    flows = (Flow(each, one, to) for each in classes for one in places for to in places if one != to)
    return {flow.key: ruling(rules, flow, AT, ways=False) for flow in flows}


def test_data_stand_only_where_their_class_may_live(platform: Platform, law: Law) -> None:
    for name, cluster in platform.clusters.items():
        for region in cluster.nodes:
            for data_class in cluster.data_classes:
                permit = may_live(platform, data_class, cluster.home, region, TODAY, law)
                assert permit.allowed, f"{name}: {data_class} in {region}: {permit.because}"


def test_the_standby_of_bahrain_rests_on_its_approvals(platform: Platform, law: Law) -> None:
    without = msgspec.structs.replace(platform, approvals=())
    refused = {
        data_class
        for data_class in platform.clusters["bahrain-book"].data_classes
        if not may_live(without, data_class, "bahrain", "me-central", TODAY, law).allowed
    }
    assert refused == {"customer_information", "kyc_pii"} == {approval.data_class for approval in platform.approvals}
    assert all("SAMPLE" in approval.reference for approval in platform.approvals)


A, C, R = "allowed", "conditional", "refused"
MATRIX = {
    # from         to: us-east, eu-west, ap-southeast, me-central, guyana, bahrain
    "us-east": (A, A, A, A, A, A),
    "eu-west": (R, A, R, R, R, R),
    "ap-southeast": (R, R, A, R, R, R),
    "me-central": (R, A, R, A, R, R),
    "guyana": (C, C, C, C, A, C),
    "bahrain": (C, C, R, C, R, A),
}


@pytest.mark.parametrize("data_class", ["pii", "kyc_pii"])
def test_matrix_of_personal_data(platform: Platform, law: Law, data_class: str) -> None:
    bare = msgspec.structs.replace(platform, approvals=())
    for source, row in MATRIX.items():
        for to, expected in zip(platform.regions, row, strict=True):
            permit = may_live(bare, data_class, source, to, TODAY, law)
            assert permit.answer == expected, f"{source} -> {to}: {permit.because}"
            assert bool(permit.rules) == (source != to), f"{source} -> {to}"


def test_other_classes(platform: Platform, law: Law) -> None:
    bare = msgspec.structs.replace(platform, approvals=())
    others = [region for region in platform.regions if region != "guyana"]
    assert not any(may_live(bare, "petroleum_data", "guyana", to, TODAY, law).allowed for to in others)
    assert may_live(bare, "session", "us-east", "eu-west", TODAY, law).allowed
    assert not may_live(bare, "session", "eu-west", "us-east", TODAY, law).allowed, "no cell: it refuses"
    assert all(may_live(bare, "trade_record", "guyana", to, TODAY, law).allowed for to in platform.regions)
