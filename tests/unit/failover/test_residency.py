"""May data of a class live there? The whole matrix, approvals in force and not, and what the matrix does not say."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.failover.residency import may_live
from qx.model.platform import Approval, Region, ResidencyRule
from tests.unit.failover.values import platform

HERE, THERE, NEIGHBOUR, DOUBLE = "bahrain", "me-central", "manama", "both"
TODAY = "2027-01-15"
Verdict = Literal["allowed", "conditional", "refused"]


def rule(data_class: str, source: str, to: str, verdict: Verdict, instrument: str = "") -> ResidencyRule:
    because = f"{verdict} by {data_class}/{source}/{to}"
    return ResidencyRule(
        data_class=data_class, source=source, to=to, verdict=verdict, because=because, instrument=instrument
    )


def approval(**changed: Any) -> Approval:
    words = {
        "id": "CBB-7", "data_class": "pii", "source": HERE, "to": THERE, "granted_by": "CBB", "reference": "letter 12",
        "granted": "2026-01-01", "expires": "",
    }
    return Approval(**{**words, **changed})


def ask(*rules: ResidencyRule, data_class: str = "pii", to: str = THERE, source: str = HERE,
        approvals: tuple[Approval, ...] = ()) -> Any:
    regions = {
        HERE: Region(title="Bahrain", jurisdictions=("BH",)),
        NEIGHBOUR: Region(title="Manama", jurisdictions=("BH",)),
        THERE: Region(title="Dubai", jurisdictions=("AE",)),
        DOUBLE: Region(title="Two laws", jurisdictions=("AE", "SA")),
    }
    told = replace(platform(), regions=regions, residency=rules, approvals=approvals)
    return may_live(told, data_class, source, to, TODAY)


def test_what_the_matrix_does_not_say_refuses() -> None:
    permit = ask()
    assert not permit.allowed
    assert "no cell for pii" in permit.because
    assert not ask(rule("market_data", "BH", "AE", "allowed")).allowed
    assert not ask(rule("pii", "AE", "BH", "allowed")).allowed


def test_within_one_jurisdiction_data_may_always_move() -> None:
    never = rule("*", "*", "*", "refused")
    assert ask(never, to=HERE).allowed
    assert ask(never, to=NEIGHBOUR).allowed


@pytest.mark.parametrize(("verdict", "allowed"), [("allowed", True), ("conditional", False), ("refused", False)])
@pytest.mark.parametrize("words", [("pii", "BH", "AE"), ("*", "BH", "AE"), ("pii", "*", "AE"), ("pii", "BH", "*"),
                                   ("*", "*", "*")])
def test_each_verdict_of_each_kind_of_cell(words: tuple[str, str, str], verdict: Verdict, *, allowed: bool) -> None:
    permit = ask(rule(*words, verdict, "SCC"))
    assert permit.allowed is allowed
    assert verdict in permit.because
    assert allowed or permit.instrument == "SCC"


def test_the_most_specific_cell_decides() -> None:
    general, special = rule("*", "*", "*", "refused"), rule("pii", "BH", "AE", "allowed")
    assert ask(general, special).allowed
    assert ask(special, general).allowed
    assert not ask(rule("*", "*", "*", "allowed"), rule("pii", "*", "AE", "refused")).allowed


def test_among_equals_the_strictest() -> None:
    one, other = rule("pii", "BH", "*", "allowed"), rule("pii", "*", "AE", "refused")
    assert not ask(one, other).allowed
    assert not ask(other, one).allowed
    two = rule("pii", "BH", "AE", "allowed"), rule("pii", "BH", "SA", "refused")
    assert not ask(*two, to=DOUBLE).allowed


def test_every_jurisdiction_of_the_source_has_its_say() -> None:
    cells = (rule("pii", "AE", "BH", "allowed"), rule("pii", "SA", "BH", "refused"))
    assert not ask(*cells, source=DOUBLE, to=HERE).allowed
    assert not ask(cells[0], source=DOUBLE, to=HERE).allowed  # SA says nothing: no cell
    assert ask(cells[0], rule("pii", "SA", "BH", "allowed"), source=DOUBLE, to=HERE).allowed


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"granted": TODAY}, True),
        ({"granted": "2027-01-16"}, False),
        ({"expires": TODAY}, True),
        ({"expires": "2027-01-14"}, False),
        ({"data_class": "session"}, False),
        ({"source": NEIGHBOUR}, False),
        ({"to": NEIGHBOUR}, False),
    ],
)
@pytest.mark.parametrize("verdict", ["conditional", "refused"])
def test_an_approval_that_is_in_force_lets_it_pass(verdict: Verdict, changed: dict[str, str], *, holds: bool) -> None:
    permit = ask(rule("pii", "BH", "AE", verdict), approvals=(approval(**changed),))
    assert permit.allowed is holds
    assert holds is ("CBB-7" in permit.because)


def test_an_approval_stands_in_for_a_missing_cell() -> None:
    assert ask(approvals=(approval(),)).allowed


WORDS = st.sampled_from(["pii", "session", "*"]), st.sampled_from(["BH", "AE", "SA", "*"])
RULES = st.lists(
    st.builds(rule, WORDS[0], WORDS[1], WORDS[1], st.sampled_from(["allowed", "conditional", "refused"])), max_size=6
)


@given(RULES, st.sampled_from([THERE, DOUBLE]), st.randoms())
def test_the_order_of_the_cells_means_nothing_and_everything_has_a_reason(
    rules: list[ResidencyRule], to: str, dice: Any
) -> None:
    permit = ask(*rules, to=to)
    assert permit.because
    mixed = list(rules)
    dice.shuffle(mixed)
    assert ask(*mixed, to=to).allowed == permit.allowed
    assert not permit.allowed or any(each.verdict == "allowed" for each in rules)
