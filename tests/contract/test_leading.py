"""Leadership on every store: one leads, and another when it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.engine.leading import Leadership
from qx.engine.renewals import Renewals

if TYPE_CHECKING:
    from tests.fakes.rigs import Rig


def candidate(rig: Rig, name: str, ttl: float, office: str = "daemon") -> Leadership:
    """One by whose clock no time passes: only the store's counts."""
    return Leadership(rig.open(), name, ttl, Renewals(lambda: 0.0), office)


def test_one_of_two_leads_until_it_resigns(rig: Rig) -> None:
    one, other = candidate(rig, "eu-west", 60.0), candidate(rig, "us-east", 60.0)
    assert one.holder() is None
    assert (one.campaign(), other.campaign(), one.campaign()) == (True, False, True)
    assert one.holder() == other.holder() == "eu-west"
    other.resign()
    assert other.holder() == "eu-west"
    one.resign()
    assert one.holder() is None
    assert other.campaign()
    one.resign()
    assert not one.campaign()


def test_one_that_campaigns_no_more_leads_until_its_time_is_over(rig: Rig) -> None:
    one, other = candidate(rig, "eu-west", rig.ttl), candidate(rig, "us-east", rig.ttl)
    assert one.campaign()
    rig.advance(2 / 3)
    assert one.campaign()
    rig.advance(2 / 3)
    assert not other.campaign()
    rig.run_out(lambda: one.holder() is None, 1 / 3)
    assert other.campaign()
    assert not one.campaign()


def test_whoever_saw_nobody_campaign_for_so_long_leads_whatever_the_store_says(rig: Rig) -> None:
    now = 0.0
    one = candidate(rig, "eu-west", 60.0)
    other = Leadership(rig.open(), "us-east", 60.0, Renewals(lambda: now))
    assert one.campaign()
    assert not other.campaign()
    now = 59.9
    assert not other.campaign()
    assert one.campaign()
    now = 60.1
    assert not other.campaign(), "it counts anew: there was a later one"
    now = 120.1
    assert other.campaign()
    assert not one.campaign()
    assert one.holder() == "us-east"


def test_offices_are_held_apart(rig: Rig) -> None:
    assert candidate(rig, "eu-west", 60.0, "alerts").campaign()
    assert candidate(rig, "us-east", 60.0, "drills").campaign()
