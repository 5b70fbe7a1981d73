"""Residency by the packs that are shipped: the acceptance cases by their number, alone and within a transaction; and
what holds of every flow.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qx.app.compliance import Desk
from qx.compliance.dated import instant
from qx.compliance.fields import DATA_CLASSES
from qx.compliance.flows import Flow, FlowRules, fields_of
from qx.compliance.residency import is_carried, ruling
from qx.compliance.selftest import AS_OF, BASE, laid_over
from qx.compliance.transaction import Transaction, read
from qx.model.platform import DataClass
from qx.model.residency import STRICTNESS, Ruling
from tests.unit.compliance.alike import ALL, alike, judge
from tests.unit.compliance.test_acceptance import validated

A, C, R = "allowed", "conditional", "refused"
STATUS = {A: "approved", C: "conditional", R: "rejected"}
SCC_TIA = ("safeguard scc", "safeguard tia")
CBB = ("approval OM-2.8.1", "keys-held-by licensee")


RULES = FlowRules(Desk(os.environ).packs)


def ask(data_class: str, source: str, to: str, *evidence: str, at: str = "") -> Ruling:
    return ruling(RULES, Flow(data_class, source, to), instant(at, "UTC") if at else AS_OF, frozenset(evidence))


@lru_cache
def without_a_flow(region: str, at: str) -> str:
    return validated(region, at=instant(at, "UTC")).status


class Case(NamedTuple):
    name: str
    flow: tuple[str, str, str]
    expect: str
    decides: str = ""  # a rule that does
    evidence: tuple[str, ...] = ()
    at: str = "2026-11-22"
    region: str = ""  # in which a transaction with this flow comes to the same; '' none is tried


CASES = [
    Case("E83", ("kyc_pii", "EU", "UK"), A, "EU-GDPR-45", region="eu"),
    Case("E83 ended", ("kyc_pii", "EU", "UK"), R, "EU-GDPR-45", at="2031-12-28", region="eu"),
    Case("E83 its last second", ("kyc_pii", "EU", "UK"), C, "EU-GDPR-45", at="2031-12-27T22:59:59Z"),
    Case("E84 adequate", ("pii", "EU", "JP"), A, "EU-GDPR-45", region="eu"),
    Case("E84 Brazil before", ("pii", "EU", "BR"), R, "EU-GDPR-45", at="2026-01-26T22:59:59Z", region="eu"),
    Case("E84 Brazil since", ("pii", "EU", "BR"), A, "EU-GDPR-45", at="2026-01-26T23:00:00Z", region="eu"),
    Case("E84 Bahrain", ("pii", "EU", "BH"), R, "EU-GDPR-45", region="eu"),
    Case("E84 Bahrain by clauses", ("pii", "EU", "BH"), C, "EU-GDPR-46", ("safeguard scc",), region="eu"),
    Case("E84 Bahrain, assessed", ("pii", "EU", "BH"), A, "EU-GDPR-46", SCC_TIA, region="eu"),
    Case("E85", ("kyc_pii", "EU", "US"), R, "EU-GDPR-45", region="eu"),
    Case("E85 certified", ("kyc_pii", "EU", "US"), A, "EU-GDPR-45", ("recipient-dpf",), region="eu"),
    Case("E86 bridge", ("kyc_pii", "UK", "US"), A, "UK-GDPR-45", ("recipient-dpf",), region="uk"),
    Case("E86 no bridge", ("kyc_pii", "UK", "US"), R, "UK-GDPR-45", region="uk"),
    Case("E86 agreement", ("kyc_pii", "UK", "ADGM"), A, "UK-GDPR-45", ("safeguard idta", "safeguard tia"), region="uk"),
    Case("E86 clauses of the EU", ("kyc_pii", "UK", "ADGM"), R, "UK-GDPR-45", SCC_TIA, region="uk"),
    Case("E87", ("customer_information", "BH", "US"), R, "BH-OM-28", region="bahrain"),
    Case("E87 keys alone", ("customer_information", "BH", "US"), R, "BH-OM-28", CBB[1:], region="bahrain"),
    Case("E88 approved", ("customer_information", "BH", "US"), A, "BH-OM-28", CBB, region="bahrain"),
    Case("E88 keys not told", ("customer_information", "BH", "US"), C, "BH-OM-28", CBB[:1], region="bahrain"),
    Case("E88 keys with the provider", ("customer_information", "BH", "US"), R, "BH-OM-28",
         ("approval OM-2.8.1", "keys-held-by provider"), region="bahrain"),
    Case("E88 perhaps listed", ("kyc_pii", "BH", "EU"), C, "BH-PDPL-42-LIST", region="bahrain"),
    Case("E88 not listed", ("kyc_pii", "BH", "GY"), R, "BH-PDPL-42", region="bahrain"),
    Case("E88 authorised", ("kyc_pii", "BH", "GY"), A, "BH-PDPL-42", ("approval PDPL-12",), region="bahrain"),
    Case("E89", ("kyc_pii", "ADGM", "UK"), A, "ME-ADGM-DPR41", region="me"),
    Case("E89 Bahrain", ("kyc_pii", "ADGM", "BH"), R, "ME-ADGM-DPR42", region="me"),
    Case("E90 certified", ("pii", "ADGM", "US"), A, "ME-ADGM-DPR41", ("recipient-dpf",), region="me"),
    Case("E90 not certified", ("pii", "ADGM", "US"), R, "ME-ADGM-DPR42", region="me"),
    Case("E90 mainland", ("pii", "ADGM", "AE"), R, "ME-ADGM-DPR42", region="me"),
    Case("E90 clauses", ("pii", "ADGM", "BH"), A, "ME-ADGM-DPR42", ("safeguard scc",), region="me"),
    Case("from the US", ("pii", "US", "BH"), A, "US-DOJ-202", region="us"),
    Case("to a country of concern", ("pii", "US", "CN"), R, "US-DOJ-202", region="us"),
    Case("not in bulk", ("pii", "US", "CN"), A, "US-DOJ-202", ("safeguard below-bulk-threshold",), region="us"),
    Case("from Guyana", ("pii", "GY", "US"), C, "GY-DPA", region="guyana"),
    Case("petroleum", ("petroleum_data", "GY", "US"), C, "GY-PAA-DATA", region="guyana"),
    Case("petroleum, permitted", ("petroleum_data", "GY", "US"), A, "GY-PAA-DATA", ("approval GY-MINISTER",),
         region="guyana"),
    Case("from Singapore", ("pii", "SG", "US"), R, "SG-PDPA-26", region="apac"),
    Case("from Singapore by contract", ("pii", "SG", "US"), A, "SG-PDPA-26", ("safeguard contract",), region="apac"),
    Case("trades", ("trade_record", "BH", "US"), A, "GL-RES-001", region="bahrain"),
    Case("sessions: nothing is known", ("session", "US", "EU"), R, "GL-RES-001", region="us"),
    Case("a law that no pack holds", ("pii", "BR", "US"), R, "GL-RES-001", region="us"),
    Case("screening results are personal data", ("sanctions_result", "EU", "BH"), R, "EU-GDPR-45", region="eu"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases(case: Case) -> None:
    found = ask(*case.flow, *case.evidence, at=case.at)
    assert found.answer == case.expect, found
    assert case.decides in found.rules
    assert all(each.citation.body for each in found.said)


@pytest.mark.parametrize("case", [case for case in CASES if case.region], ids=lambda case: case.name)
def test_a_transaction_with_that_flow_is_judged_the_same(case: Case) -> None:
    fields = fields_of(Flow(*case.flow), frozenset(case.evidence))
    flow = {path: list(value) if isinstance(value, tuple) else value for path, value in fields.items()}
    plain, found = without_a_flow(case.region, case.at), validated(case.region, flow, at=instant(case.at, "UTC"))
    outcomes = {each.rule_id: each.outcome for each in found.findings}
    for said in ask(*case.flow, *case.evidence, at=case.at).said:
        if said.rule_id in outcomes:
            assert outcomes[said.rule_id] == ("pass" if said.outcome == "stale" else said.outcome), said.rule_id
    assert case.decides in outcomes
    if plain == "approved":
        assert found.status == STATUS[case.expect]
    else:
        assert found.status in (plain, STATUS[case.expect])


def test_a_transaction_without_a_flow_is_not_touched() -> None:
    found = validated("bahrain")
    outcomes = {each.rule_id: each.outcome for each in found.findings}
    assert found.status == "approved"
    assert {outcomes[each] for each in ("GL-RES-001", "BH-OM-28", "BH-PDPL-42")} == {"not_applicable"}


def test_what_a_flow_does_not_say_is_never_passed() -> None:
    whole = {"dataFlow.class": "kyc_pii", "dataFlow.from": "EU", "dataFlow.to": "US", "dataFlow.recipient.dpf": True}
    assert validated("eu", whole).status == "approved"
    for path in whole:
        found = validated("eu", {**whole, path: None})
        assert found.status != "approved", path
        assert path in found.missing


def test_what_carries_it_and_until_when() -> None:
    assert ask("kyc_pii", "EU", "UK").until == "2031-12-27T23:00:00Z"
    assert ask("kyc_pii", "EU", "UK").instrument == "adequacy decision of the Commission"
    assert ask("kyc_pii", "ADGM", "UK").until == "2031-12-27T20:00:00Z"
    assert ask("kyc_pii", "EU", "UK", *SCC_TIA).until == ask("kyc_pii", "EU", "UK").until, "it needs no clauses"
    certified = ask("kyc_pii", "EU", "US", "recipient-dpf")
    assert "certified" in certified.instrument
    assert "recipient-dpf" in certified.instrument
    assert certified.until == ""
    by_clauses = ask("kyc_pii", "EU", "BH", *SCC_TIA)
    assert by_clauses.instrument == "appropriate safeguards of Art. 46 (safeguard scc, safeguard tia)"


def test_what_would_carry_it() -> None:
    assert ask("kyc_pii", "EU", "US").wanted == (
        ("recipient-dpf",), ("safeguard bcr", "safeguard tia"), ("safeguard scc", "safeguard tia"),
    )  # fmt: skip
    assert ask("kyc_pii", "EU", "BH", "safeguard scc").wanted == (("safeguard tia",),)
    assert ask("customer_information", "BH", "US").wanted == (CBB,)
    assert ask("session", "US", "EU").wanted == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_way_that_is_told_leads_there(case: Case) -> None:
    found = ask(*case.flow, *case.evidence, at=case.at)
    at = instant(case.at, "UTC")
    for way in found.wanted:
        wanted = ruling(RULES, Flow(*case.flow), at, frozenset((*case.evidence, *way)))
        assert wanted.answer == A or all(each.outcome in ("pass", "stale") for each in wanted.said), way
    assert is_carried(RULES, Flow(*case.flow), at) >= bool(found.wanted)


def test_only_the_house_and_overdue_tables_yield() -> None:
    assert ask("session", "US", "EU").yields
    assert ask("kyc_pii", "EU", "UK", at="2030-01-01").yields
    assert ask("trade_record", "US", "EU", at="2030-01-01").yields
    assert not ask("kyc_pii", "EU", "US").yields
    assert not ask("kyc_pii", "BH", "US").yields
    assert not ask("kyc_pii", "EU", "UK", at="2031-12-28").yields


def test_every_class_of_regions_yaml_is_one_of_a_flow() -> None:
    assert set(get_args(DataClass)) <= set(DATA_CLASSES)


def test_no_rule_that_speaks_of_flows_is_asked_unless_there_is_one() -> None:
    """They are told apart by their condition, and so is everything that could change an answer."""
    for pack in Desk(os.environ).packs:
        for rule in pack.rules:
            assert ("dataFlow." in rule.predicate) <= ("dataFlow." in rule.applies_when), rule.id
    assert RULES.changes == tuple(sorted(set(RULES.changes)))


PLACES = ["EU", "DE", "UK", "US", "ADGM", "AE", "BH", "GY", "SG", "JP", "AU", "BR", "CN", "XX"]
PIECES = sorted(RULES.pieces)
FLOWS = st.builds(Flow, st.sampled_from(DATA_CLASSES), st.sampled_from(PLACES), st.sampled_from(PLACES))
FIRST = datetime(2022, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 11 * 365 * 86400).map(lambda after: FIRST + timedelta(seconds=after))


@settings(max_examples=30, deadline=None)
@given(FLOWS, st.sets(st.sampled_from(PIECES)), st.sets(st.sampled_from(PIECES)), MOMENTS)
def test_more_evidence_never_makes_it_stricter(flow: Flow, some: set[str], more: set[str], at: datetime) -> None:
    less = ruling(RULES, flow, at, frozenset(some), ways=False)
    both = ruling(RULES, flow, at, frozenset(some | more), ways=False)
    assert STRICTNESS[both.answer] <= STRICTNESS[less.answer]


@settings(max_examples=30, deadline=None)
@given(FLOWS, st.sets(st.sampled_from(PIECES)), MOMENTS)
def test_it_stands_until_then_and_no_longer(flow: Flow, some: set[str], at: datetime) -> None:
    found = ruling(RULES, flow, at, frozenset(some), ways=False)
    assert found.because
    assert found.rules or not found.said
    if found.answer == A and found.until:
        until = instant(found.until, "UTC")
        carrying = frozenset(word for word in some if word in found.instrument)
        before = ruling(RULES, flow, until - timedelta(seconds=1), carrying, ways=False)
        assert at < until
        assert all(each.outcome in ("pass", "stale") or each.severity == "info" for each in before.said)
        assert ruling(RULES, flow, until, carrying, ways=False).answer != A


def test_an_unknown_cell_refuses() -> None:
    found = ask("pii", "XX", "EU")
    assert (found.answer, found.yields) == (R, True)
    nobody = ruling(FlowRules(()), Flow("pii", "EU", "UK"), AS_OF)
    assert (nobody.answer, nobody.because) == (R, "no rule speaks of pii from EU")


def test_a_batch_says_the_same() -> None:
    """Of each case, with fewer fields from one to the next."""
    documents: list[Transaction] = []
    taken = ("", "dataFlow.recipient.dpf", "dataFlow.safeguards", "dataFlow.to", "dataFlow.class")
    for number, case in enumerate(CASES):
        fields = dict(fields_of(Flow(*case.flow), frozenset(case.evidence)), asOf=case.at)
        for gone in taken[: number % (2 * len(taken))]:
            fields.pop(gone, None)
        documents.append(read(laid_over(BASE, fields)))
    alike(judge(ALL), documents, AS_OF)
