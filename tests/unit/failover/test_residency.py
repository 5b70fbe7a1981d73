"""May data of a class live there? The whole matrix, approvals in force and not, and what the matrix does not say."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.failover.residency import may_live
from qx.model.platform import Approval, Region, ResidencyRule
from qx.model.residency import Answer, Law, Ruling
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
        approvals: tuple[Approval, ...] = (), law: Law | None = None) -> Any:
    regions = {
        HERE: Region(title="Bahrain", jurisdictions=("BH",)),
        NEIGHBOUR: Region(title="Manama", jurisdictions=("BH",)),
        THERE: Region(title="Dubai", jurisdictions=("AE",)),
        DOUBLE: Region(title="Two laws", jurisdictions=("AE", "SA")),
    }
    told = replace(platform(), regions=regions, residency=rules, approvals=approvals)
    return may_live(told, data_class, source, to, TODAY, law or {})


def says(answer: Answer, *, source: str = "BH", to: str = "AE", yields: bool = False) -> Law:
    """What the packs say of personal data from one jurisdiction to another."""
    ruling = Ruling(
        data_class="pii", source=source, to=to, answer=answer, because=f"the law has it {answer}", yields=yields,
        rules=("XX-1",), wanted=(("safeguard scc",),),
    )  # fmt: skip
    if answer == "allowed":
        ruling = replace(ruling, instrument="a decision", until="2031-12-28T00:00:00Z", wanted=())
    return {("pii", source, to): ruling}


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


# -- with what the rule packs say


STRICTER: dict[tuple[Answer, Answer], Answer] = {
    (law, cell): max(law, cell, key=["allowed", "conditional", "refused"].index)
    for law in ("allowed", "conditional", "refused")
    for cell in ("allowed", "conditional", "refused")
}


@pytest.mark.parametrize("answer", ["allowed", "conditional", "refused"])
def test_the_packs_alone(answer: Answer) -> None:
    permit = ask(law=says(answer))
    assert (permit.answer, permit.allowed, permit.rules) == (answer, answer == "allowed", ("XX-1",))
    assert permit.because == f"the law has it {answer}"
    assert bool(permit.until) is permit.allowed
    assert bool(permit.wanted) is not permit.allowed


@pytest.mark.parametrize(("law", "cell"), STRICTER)
def test_the_stricter_of_the_two_decides(law: Answer, cell: Verdict) -> None:
    permit = ask(rule("pii", "BH", "AE", cell), law=says(law))
    assert permit.answer == STRICTER[law, cell]


@pytest.mark.parametrize("cell", ["allowed", "conditional", "refused"])
@pytest.mark.parametrize("law", ["conditional", "refused"])
def test_where_only_the_house_or_an_overdue_table_holds_it_up_the_cell_decides(law: Answer, cell: Verdict) -> None:
    assert ask(rule("pii", "BH", "AE", cell), law=says(law, yields=True)).answer == cell
    assert ask(law=says(law, yields=True)).answer == law, "no cell: it stays"


@pytest.mark.parametrize("answer", ["conditional", "refused"])
def test_an_approval_carries_what_the_packs_hold_up(answer: Answer) -> None:
    permit = ask(law=says(answer), approvals=(approval(expires="2027-06-30"),))
    assert permit.allowed
    assert (permit.approval, permit.rules, permit.until) == ("CBB-7", ("XX-1",), "2027-06-30")
    assert "CBB-7" in permit.because
    assert "XX-1" in permit.because
    assert not ask(law=says(answer), approvals=(approval(expires="2027-01-14"),)).allowed


def test_what_the_packs_allow_wants_no_approval() -> None:
    permit = ask(law=says("allowed"), approvals=(approval(),))
    assert (permit.approval, permit.instrument) == ("", "a decision")
    held = ask(rule("pii", "BH", "AE", "refused"), law=says("allowed"), approvals=(approval(),))
    assert (held.allowed, held.approval) == (True, "CBB-7"), "a cell of regions.yaml may want one"


def test_within_one_jurisdiction_the_packs_are_not_asked() -> None:
    assert ask(law=says("refused", to="BH"), to=NEIGHBOUR).allowed


def test_every_jurisdiction_has_its_say_in_the_packs() -> None:
    both = says("allowed", source="AE", to="BH") | says("refused", source="SA", to="BH")
    assert not ask(source=DOUBLE, to=HERE, law=both).allowed
    assert ask(source=DOUBLE, to=HERE, law=both | says("allowed", source="SA", to="BH")).allowed
    yields = says("conditional", source="AE", to="BH", yields=True) | says("conditional", source="SA", to="BH")
    cells = (rule("pii", "*", "BH", "allowed"),)
    assert not ask(*cells, source=DOUBLE, to=HERE, law=yields).allowed, "the law that does not yield counts"
