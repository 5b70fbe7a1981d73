from __future__ import annotations

import pytest
from msgspec.structs import replace
from psycopg.conninfo import conninfo_to_dict

from qx.failover import links
from qx.model.platform import Cluster, Replication
from tests.unit.failover import values as v
from tests.unit.failover.values import AP, EU, US

URL = "postgresql://rep@10.0.0.1:5433/db?sslmode=verify-full&target_session_attrs=any"


def cluster(**more: str) -> Cluster:
    made = v.cluster("postgresql")
    ways = Replication(address="us.example:5432", via={AP: "10.9.9.9:1"}, **more)
    node = replace(made.nodes[US], url=URL, replication=ways)
    return replace(made, nodes={**made.nodes, US: node})


def test_a_viewer_has_its_own_way_or_the_common_one_or_that_of_qx() -> None:
    assert links.address(cluster(), US, AP) == "10.9.9.9:1"
    assert links.address(cluster(), US, EU) == "us.example:5432"
    assert links.address(v.cluster("redis"), EU, US) == "10.0.0.2:6379"


@pytest.mark.parametrize("password", ["", "plain", "two words", "quo'te", "back\\slash", "a b'c\\d"])
def test_conninfo_is_what_libpq_reads_back(password: str) -> None:
    found = conninfo_to_dict(links.conninfo(cluster(), US, EU, password))
    assert found["host"] == "us.example"
    assert found["port"] == "5432"
    assert found["user"] == "rep"
    assert found["application_name"] == "qx_eu_west"
    assert found["sslmode"] == "verify-full"
    assert "target_session_attrs" not in found
    assert found.get("password", "") == password


def test_slots_are_named_after_the_region_unless_the_file_names_them() -> None:
    assert links.slot_name(cluster(), EU) == "qx_eu_west"
    assert links.slot_name(cluster(slot="legacy"), US) == "legacy"
    assert links.conninfo(cluster(user="replicator"), US, EU).count("user=replicator") == 1
