from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from qx.failover.residency import may_live
from qx.model.platform import Approval, Platform, Region, ResidencyRule
from tests.unit.failover import values as v

TODAY = "2027-01-15"


def rule(source: str, to: str, verdict: Any, data_class: str = "kyc_pii", **more: str) -> ResidencyRule:
    because = f"{source} to {to}"
    return ResidencyRule(data_class=data_class, source=source, to=to, verdict=verdict, because=because, **more)


def world(*rules: ResidencyRule, approvals: tuple[Approval, ...] = (), here: tuple[str, ...] = ("BH",)) -> Platform:
    regions = {"home": Region(title="home", jurisdictions=here), "away": Region(title="away", jurisdictions=("AE",))}
    return replace(v.platform(), regions=regions, residency=rules, approvals=approvals)


def permits(platform: Platform) -> bool:
    return may_live(platform, "kyc_pii", "home", "away", TODAY).allowed


def test_a_cell_that_nobody_wrote_refuses() -> None:
    found = may_live(world(), "kyc_pii", "home", "away", TODAY)
    assert not found.allowed
    assert "no cell" in found.because


def test_its_own_region_and_its_own_jurisdiction_are_always_allowed() -> None:
    assert may_live(world(rule("BH", "*", "refused")), "kyc_pii", "home", "home", TODAY).allowed
    same = world(rule("*", "*", "refused"), here=("AE", "BH"))
    assert may_live(same, "kyc_pii", "home", "away", TODAY).allowed


@pytest.mark.parametrize(("verdict", "allowed"), [("allowed", True), ("conditional", False), ("refused", False)])
def test_a_cell_decides(verdict: str, allowed: bool) -> None:
    assert permits(world(rule("BH", "AE", verdict))) is allowed


def test_the_most_specific_cell_wins_and_among_equals_the_strictest() -> None:
    assert permits(world(rule("*", "*", "refused"), rule("BH", "AE", "allowed")))
    assert not permits(world(rule("*", "*", "allowed"), rule("BH", "AE", "refused")))
    assert not permits(world(rule("BH", "*", "allowed"), rule("*", "AE", "refused")))


def test_every_jurisdiction_of_the_source_has_its_say() -> None:
    both = world(rule("BH", "AE", "allowed"), rule("EU", "AE", "refused"), here=("BH", "EU"))
    assert not permits(both)
    assert not permits(world(rule("BH", "AE", "allowed"), here=("BH", "EU")))


def approval(**changed: str) -> Approval:
    made = Approval(
        id="A-1", data_class="kyc_pii", source="home", to="away", granted_by="CBB", reference="r", granted="2026-01-01"
    )
    return replace(made, **changed)


@pytest.mark.parametrize(
    ("changed", "allowed"),
    [
        ({}, True),
        ({"expires": TODAY}, True),
        ({"expires": "2027-01-14"}, False),
        ({"granted": "2027-01-16"}, False),
        ({"data_class": "pii"}, False),
        ({"to": "home"}, False),
    ],
)
def test_an_approval_in_force_allows_what_it_names_and_nothing_else(changed: dict[str, str], allowed: bool) -> None:
    platform = world(rule("BH", "AE", "conditional", instrument="CBB approval"), approvals=(approval(**changed),))
    assert permits(platform) is allowed
