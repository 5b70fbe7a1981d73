"""How nodes reach one another: addresses by viewer, names, and conninfos that libpq reads back as they were meant."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from psycopg.conninfo import conninfo_to_dict

from qx.failover.links import address, application_name, conninfo, slot_name, url_address
from qx.model.platform import Replication
from tests.unit.failover.values import AP, EU, US, cluster

TRADING = cluster("postgresql")
PRINTABLE = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), min_size=1)


def test_an_address_is_the_viewers_way_then_everybodys_then_the_url() -> None:
    node = TRADING.nodes[US]
    assert address(TRADING, US, EU) == "10.0.0.1:5432"
    known = replace(node, replication=Replication(address="us.internal:6432", via={EU: "10.9.9.9:7432"}))
    told = replace(TRADING, nodes=TRADING.nodes | {US: known})
    assert address(told, US, EU) == "10.9.9.9:7432"
    assert address(told, US, AP) == "us.internal:6432"


@pytest.mark.parametrize(
    ("url", "kind", "expected"),
    [
        ("postgresql://qx@db.example:6000/x", "postgresql", "db.example:6000"),
        ("postgresql://db.example/x", "postgresql", "db.example:5432"),
        ("redis://cache", "redis", "cache:6379"),
        ("redis://:p@cache:7000/2", "redis", "cache:7000"),
        ("postgresql:///x", "postgresql", "localhost:5432"),
        ("postgresql://[::1]:6000/x", "postgresql", "::1:6000"),
    ],
)
def test_host_and_port_of_a_url(url: str, kind: str, expected: str) -> None:
    assert url_address(url, kind) == expected


def test_names_are_identifiers() -> None:
    assert (slot_name(TRADING, AP), application_name(AP)) == ("qx_ap_southeast", "qx_ap_southeast")
    named = replace(TRADING.nodes[AP], replication=Replication(slot="their_own"))
    assert slot_name(replace(TRADING, nodes=TRADING.nodes | {AP: named}), AP) == "their_own"


@given(password=PRINTABLE, user=PRINTABLE)
@example(password="it's \\ all 'quoted'", user="a b")
@example(password="tab\tand\nline", user="qx")
@example(password="", user="x=y")
def test_a_conninfo_is_read_back_as_it_was_meant(password: str, user: str) -> None:
    node = replace(TRADING.nodes[US], replication=Replication(user=user))
    told = replace(TRADING, nodes=TRADING.nodes | {US: node})
    words = conninfo_to_dict(conninfo(told, US, EU, password))
    expected = {
        "host": "10.0.0.1", "port": "5432", "user": user, "dbname": "db",
        "application_name": "qx_eu_west", "connect_timeout": "5",
    }
    assert words == expected | ({"password": password} if password else {})


def test_tls_words_and_the_database_of_the_upstreams_url_are_kept_and_nothing_else() -> None:
    url = "postgresql://qx:secret@db:5432/x?sslmode=verify-full&sslrootcert=/etc/my%20ca.pem&target_session_attrs=any"
    told = replace(TRADING, nodes=TRADING.nodes | {US: replace(TRADING.nodes[US], url=url)})
    text = conninfo(told, US, EU)
    words = conninfo_to_dict(text)
    assert (words["sslmode"], words["sslrootcert"], words["user"]) == ("verify-full", "/etc/my ca.pem", "qx")
    assert words["dbname"] == "x"
    assert "target_session_attrs" not in words
    assert "secret" not in text
