"""What `qx config init` writes is valid, and mentions every key that there is."""

from __future__ import annotations

import re

import pytest

from qx.config.schema import schema_of
from qx.config.template import template
from qx.model.platform import Platform
from tests.unit.config.base import errors_of, platform_of

KEYS = sorted({key for one in schema_of(Platform, "")["$defs"].values() for key in one["properties"]})


def test_it_is_valid() -> None:
    assert errors_of(template()) == []


def test_it_shows_both_kinds_and_a_cluster_that_may_not_move() -> None:
    clusters = platform_of(template()).clusters
    assert {cluster.kind for cluster in clusters.values()} == {"postgresql", "redis"}
    assert any(len(cluster.nodes) == 1 for cluster in clusters.values())


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_shown(key: str) -> None:
    assert re.search(rf"^[\s#]*(?:- )?(?:.*[{{,] ?)?{key}:", template(), re.MULTILINE)


def test_what_is_commented_out_is_valid_too() -> None:
    text = template()
    opened = (("approvals: []\n", "approvals:\n"), ("channels: {}\n", "channels:\n"), ("routes: [] ", "routes: "))
    more = (("approvers: {}\n", "approvers:\n"), ("schedules: {}\n", "schedules:\n"),
            ("submitters: {}\n", "submitters:\n"), ("  risk: [] ", "  risk: "))  # fmt: skip
    shifted = (("#  trading-", "  trading-"), ("#  sessions-", "  sessions-"), ("#  - id", "  - id"), ("#    ", "    "))
    for old, new in (*opened, *more, *shifted):
        text = text.replace(old, new)
    assert errors_of(text) == []
    assert [route.then for route in platform_of(text).notify.routes] == [("phone",), ()]
    assert platform_of(text).watch.risk[0].clusters == ("trading",)
    assert platform_of(text).approvals[0].to == "eu-west"
    assert platform_of(text).approvers["ada"].accounts == ("a.lovelace",)
    assert platform_of(text).submitters["legal"].accounts == ("l.lawson",)
