"""A Redis Cluster in regions.yaml: its members, and nothing that only a cluster which qx moves could have."""

from __future__ import annotations

import pytest

from qx.config.load import understand
from qx.config.marks import compose
from qx.kernel.errors import Problems

WELL = """\
version: 1
platform: p
regions: {us: {title: US, jurisdictions: [US]}}
clusters:
  quotes:
    kind: redis-cluster
    home: us
    data_classes: [market_data]
    nodes: {us: {url: "redis://a:6379", members: ["b:6379"]}}
"""


def wrong(text: str) -> list[tuple[str, str]]:
    with pytest.raises(Problems) as found:
        understand(compose(text.encode(), "regions.yaml"))
    return [(error.code, error.message) for error in found.value.errors]


def test_one_that_is_well() -> None:
    platform = understand(compose(WELL.encode(), "regions.yaml"))
    assert platform.clusters["quotes"].nodes["us"].members == ("b:6379",)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    home", "    mode: auto\n    home", "QX-CFG-008"),
        ("    home", "    durability: quorum\n    home", "QX-CFG-008"),
        ("    home", "    routes: [{driver: file, path: dsn}]\n    home", "QX-CFG-008"),
        ("    home", '    sentinels: ["s:26379"]\n    sentinel_name: m\n    home', "QX-CFG-008"),
        ("members:", "control: {driver: command, argv: [qx]}, members:", "QX-CFG-008"),
        ("redis-cluster", "redis", "QX-CFG-008"),
        ('"b:6379"', '"a:6379"', "QX-CFG-008"),
        ('"b:6379"', '"redis://b:6379"', "QX-CFG-004"),
        ("redis://a", "postgresql://a", "QX-CFG-004"),
    ],
)
def test_what_clashes(old: str, new: str, code: str) -> None:
    assert old in WELL
    assert code in [found for found, _ in wrong(WELL.replace(old, new))]
