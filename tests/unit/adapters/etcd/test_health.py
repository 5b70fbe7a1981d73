"""Which versions of etcd are warned of, and who leads."""

from __future__ import annotations

import pytest

from qx.adapters.etcd.health import Asked


@pytest.mark.parametrize(("version", "safe"), [
    ("3.4.21", "3.4.22"), ("3.4.22", ""), ("3.4.23", ""), ("3.5.0", "3.5.6"), ("3.5.1", "3.5.6"), ("3.5.6", ""),
    ("3.5.5-rc.1", "3.5.6"), ("3.6.0", ""), ("4.0.0", ""), ("3.3.27", "3.5.6"), ("", ""),
])  # fmt: skip
def test_a_version_that_may_lose_data_names_the_one_that_does_not(version: str, safe: str) -> None:
    assert Asked(endpoint="http://etcd", version=version).unsafe == safe


def test_a_member_leads_when_it_follows_itself() -> None:
    assert Asked(endpoint="", id=1, leader=1).leads
    assert not Asked(endpoint="", id=1, leader=2).leads
    assert not Asked(endpoint="", error="refused").leads
