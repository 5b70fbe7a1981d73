"""Every value in force and where it comes from."""

from __future__ import annotations

from typing import Any

import pytest

from qx.config.load import understand
from qx.config.marks import compose
from qx.config.origin import Setting, settings, spelled
from qx.kernel.spans import Bytes, Seconds, parse_bytes, parse_seconds
from tests.unit.config.base import BASE

DOCUMENT = compose(BASE.encode(), "f.yaml")
SETTINGS = {one.key: one for one in settings(understand(DOCUMENT), DOCUMENT)}


@pytest.mark.parametrize("setting", [
    Setting("version", 1, "file", 1, 10),
    Setting("regions.us-east.aliases", ("virginia", "us"), "file", 7, 14),
    Setting("regions.us-east.endpoints.api.expect", 200, "file", 10, 59),
    Setting("regions.eu-west.timezone", "UTC", "default"),
    Setting("clusters.trading.nodes.us-east.password", "env:TRADING_PASSWORD", "file", 27, 19),
    Setting("clusters.trading.nodes.us-east.control.driver", "local", "file", 30, 19),
    Setting("clusters.trading.nodes.us-east.replication.user", "", "default"),
    Setting("clusters.trading.objectives.write_outage", Seconds(90), "file", 23, 59),
    Setting("clusters.trading.objectives.rto", Seconds(60), "default"),
    Setting("clusters.sessions.nodes.us-east.control", None, "default"),
    Setting("clusters.sessions.routes", (), "default"),
    Setting("clusters.trading.routes[0].path", "/var/lib/qx/trading.dsn", "file", 48, 15),
    Setting("residency[1].verdict", "refused", "file", 59, 53),
    Setting("defaults.cooldown", Seconds(3600), "default"),
    Setting("notify.contacts", {}, "default"),
], ids=lambda one: one.key)  # fmt: skip
def test_a_value_and_its_origin(setting: Setting) -> None:
    assert SETTINGS[setting.key] == setting


def test_each_key_once_and_none_left_out() -> None:
    listed = list(settings(understand(DOCUMENT), DOCUMENT))
    assert len(SETTINGS) == len(listed)
    scalars = BASE.count("because:") * 5 + 8  # rows of the matrix, fields of the approval
    assert sum(one.key.startswith(("residency", "approvals")) and one.origin == "file" for one in listed) == scalars


@pytest.mark.parametrize("seconds", [0, 0.25, 1, 1.25, 90, 3600, 3601, 86400, 123456789.123])
def test_a_duration_is_spelled_without_loss(seconds: float) -> None:
    text = spelled(Seconds(seconds))
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("size", [0, 1, 1023, 1 << 20, (1 << 20) + 1, 10**15 + 7])
def test_a_size_is_spelled_without_loss(size: int) -> None:
    assert parse_bytes(spelled(Bytes(size))) == size


def test_other_values_are_spelled_as_the_file_would() -> None:
    values: list[Any] = ["x", "", None, 3, (), ("a", ""), {}]
    assert [spelled(value) for value in values] == ["x", '""', "null", "3", "[]", '[a, ""]', "{}"]
