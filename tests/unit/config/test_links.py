"""The words of an operator -> keys of the file."""

from __future__ import annotations

import pytest

from qx.config.links import cluster_named, region_named
from qx.kernel.errors import QxError
from tests.unit.config.base import BASE, platform_of

PLATFORM = platform_of(BASE)


@pytest.mark.parametrize(("word", "key"), [
    ("us-east", "us-east"), ("US-EAST", "us-east"), ("us_east", "us-east"), ("Virginia", "us-east"), ("US", "us-east"),
    (" dublin ", "eu-west"), ("bahrain", "bahrain"),
])  # fmt: skip
def test_a_region_is_found_by_key_and_alias(word: str, key: str) -> None:
    assert region_named(PLATFORM, word) == key


@pytest.mark.parametrize(("word", "hint"), [
    ("us-esat", "did you mean 'us-east'?"),
    ("VIRGINA", "did you mean 'virginia'?"),
    ("atlantis", "known: bahrain, eu-west, us-east"),
    ("", "known: bahrain, eu-west, us-east"),
])  # fmt: skip
def test_an_unknown_region_names_what_is_near(word: str, hint: str) -> None:
    with pytest.raises(QxError) as caught:
        region_named(PLATFORM, word)
    assert (caught.value.code, caught.value.hint) == ("QX-OBS-001", hint)


def test_a_cluster_is_found_by_its_name() -> None:
    assert cluster_named(PLATFORM, "Trading") == "trading"
    with pytest.raises(QxError) as caught:
        cluster_named(PLATFORM, "tradign")
    assert (caught.value.code, caught.value.hint) == ("QX-OBS-002", "did you mean 'trading'?")
