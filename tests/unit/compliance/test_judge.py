"""One rule, one transaction: the seven outcomes, and what each is told with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from qx.compliance import dated, lint
from qx.compliance.facts import facts_of
from qx.compliance.judge import compile_rule, environment, judged
from qx.compliance.obligations import due
from qx.compliance.selftest import AS_OF, BASE, CLEAR, laid_over
from qx.compliance.transaction import read
from qx.model.rules import Citation, Obligation, Param, Rule, RulePack, RuleTest, Untranslatable, Window
from qx.model.validation import Finding

LIMIT = Param(unit="USD", review_by="2026-12-31", windows=(
    Window(from_="2020-01-01", to="2025-01-01", value="500"), Window(from_="2025-01-01", value="2000000"),
))  # fmt: skip
TESTS = (RuleTest(expect="pass"), RuleTest(expect="fail"))
RULE = Rule(
    id="T-1", title="not too much", jurisdiction="BH", citation=Citation(body="CBB", corpus="Vol 5", segment="1"),
    status="verified", severity="flag", effective_from="2020-01-01", effective_to="2030-01-01",
    applies_when='transactionType == "spot"', predicate='amount <= param("limit")',
    message="{amount} {currency} is more than {param:limit}; {quantum} is not known", tests=TESTS,
)  # fmt: skip
PACK = RulePack(
    pack="t", version="1", schema="qx-rulepack/1", title="t", jurisdictions=("BH",), timezone="Asia/Bahrain",
    review_by="2027-01-31",
    params={"limit": LIMIT}, rules=(RULE,),
)  # fmt: skip


def judge(given: dict[str, Any] | None = None, at: datetime = AS_OF, *, pack: RulePack = PACK) -> Finding:
    assert list(lint.check(pack)) == []
    params = {name: dated.in_force(param, pack, at) for name, param in pack.params.items()}
    transaction = read(laid_over(BASE, given or {}))
    fields = {**transaction.values, **facts_of(transaction, {}, CLEAR), "asOf": at}
    return judged(compile_rule(pack.rules[0], pack), environment(pack, fields, params), at, params)


def with_rule(**changes: Any) -> RulePack:
    return replace(PACK, rules=(replace(RULE, **changes),))


def test_kept_and_not_kept() -> None:
    assert judge().outcome == "pass"
    failed = judge({"amount": "2000000.01"})
    assert failed.outcome == "fail"
    assert failed.message == "2000000.01 USD is more than 2000000; no quantum is not known"
    assert failed.seen == {"transactionType": "spot", "amount": "2000000.01"}
    (used,) = failed.parameters
    assert (used.name, used.value, used.unit, used.from_, used.to) == ("limit", "2000000", "USD", "2025-01-01", "")
    (change,) = failed.nearest
    assert (change.path, change.now, change.wanted) == ("amount", "2000000.01", "2000000")


def test_what_is_missing_is_never_a_pass() -> None:
    untold = judge({"amount": None})
    assert (untold.outcome, untold.missing) == ("indeterminate", ("amount",))
    assert judge({"transactionType": None}).missing == ("transactionType",)
    assert judge({"amount": "x"}).outcome == "indeterminate"
    assert judge({"amount": None}, pack=with_rule(on_missing="fail")).outcome == "fail"
    assert judge({"amount": None}, pack=with_rule(on_missing="not_applicable")).outcome == "not_applicable"
    decided_without = with_rule(predicate='amount > 0 or kyc.status == "verified"', needs=("amount", "kyc.status"))
    assert judge({"kyc.status": None}, pack=decided_without).outcome == "indeterminate"


def test_what_a_fact_rests_on_is_named() -> None:
    found = judge({"amount": None}, pack=with_rule(predicate="facts.linkedUsd > 0"))
    assert found.missing == ("amount",)
    assert judge({"currency": "EUR"}, pack=with_rule(predicate="facts.linkedUsd > 0")).missing == ("facts.linkedUsd",)


def test_a_change_that_would_divide_by_zero_is_not_told() -> None:
    quotient = with_rule(predicate="quantity != 0 and amount <= unitPrice / quantity")
    assert [each.path for each in judge({"quantity": "0"}, pack=quotient).nearest] == []
    assert judge({"quantity": "1", "unitPrice": "5", "amount": "6"}, pack=quotient).nearest[0].wanted == "5"
    edge = with_rule(predicate="quantity < 0 / unitPrice or 1 / quantity > 5")
    assert judge({"quantity": "1", "unitPrice": "1"}, pack=edge).outcome == "fail"


def test_the_end_of_all_days_is_no_reason_to_fail() -> None:
    pack = with_rule(predicate="tradeDate < settlementDate", obligation=Obligation(
        action="report", to="SDR", after="tradeDate", business_days=2,
    ))  # fmt: skip
    found = judge({"tradeDate": "9999-12-31"}, pack=pack)
    assert found.outcome == "fail"
    last = due(compile_rule(pack.rules[0], pack), found, {"tradeDate": date.max})
    assert last is not None
    assert last.due.startswith("9999-12-31")


def test_it_does_not_apply() -> None:
    assert judge({"transactionType": "swap"}).outcome == "not_applicable"


def test_a_window_begins_at_midnight_of_the_packs_timezone() -> None:
    begins = datetime(2024, 12, 31, 21, tzinfo=UTC)  # 2025-01-01 in Bahrain
    assert judge(at=begins - timedelta(seconds=1)).outcome == "fail"
    assert judge(at=begins).outcome == "pass"
    assert judge(at=datetime(2019, 12, 31, 20, 59, 59, tzinfo=UTC)).outcome == "not_in_force"
    assert judge(at=datetime(2029, 12, 31, 21, tzinfo=UTC)).outcome == "not_in_force"


def test_a_parameter_that_is_not_in_force_cannot_be_told() -> None:
    early = replace(PACK, params={"limit": replace(LIMIT, windows=LIMIT.windows[1:])})
    found = judge(at=datetime(2024, 1, 1, tzinfo=UTC), pack=early)
    assert (found.outcome, found.missing) == ("indeterminate", ("t.limit",))


def test_after_the_review_is_due_nothing_simply_passes() -> None:
    due = datetime(2026, 12, 31, 21, tzinfo=UTC)
    assert judge(at=due - timedelta(seconds=1)).outcome == "pass"
    assert judge(at=due).outcome == "stale"
    assert judge({"amount": "2000001"}, at=due).outcome == "fail"
    unreviewed = replace(PACK, review_by="2026-11-21")
    assert judge(pack=unreviewed).outcome == "stale"


def test_what_no_predicate_can_say_is_attested() -> None:
    asked = Untranslatable(construct="manipulation", reason="intent", attestation="no_manipulation")
    pack = with_rule(untranslatable=asked, predicate="true")
    assert judge(pack=pack).outcome == "pass"
    assert judge({"attestations": None}, pack=pack).missing == ("attestations: no_manipulation",)


def test_a_division_by_zero_is_told() -> None:
    assert judge({"quantity": "0"}, pack=with_rule(predicate="amount / quantity > 0")).outcome == "error"


@pytest.mark.parametrize(("given", "changes", "wanted"), [
    ({"amount": "5"}, {"predicate": "amount > 5"}, {"amount": "6"}),
    ({"amount": "5.00"}, {"predicate": "amount < 5"}, {"amount": "4"}),
    ({"unitPrice": "47.50"}, {"predicate": "unitPrice <= 44.10"}, {"unitPrice": "44.1"}),
    ({}, {"predicate": "settlementDate < tradeDate"}, {"settlementDate": "2026-11-19", "tradeDate": "2026-12-03"}),
    ({"amount": "5"}, {"predicate": "amount > 9 and quantity < 3"}, {}),
    (
        {"kyc.status": "none"}, {"predicate": 'kyc.status == "verified" or amount < 5'},
        {"kyc.status": "verified", "amount": "4"},
    ),
])  # fmt: skip
def test_only_a_change_that_keeps_the_rule_is_told(given: dict[str, Any], changes: Any, wanted: dict[str, str]) -> None:
    found = judge(given, pack=with_rule(**changes))
    assert found.outcome == "fail"
    assert {each.path: each.wanted for each in found.nearest} == wanted


@pytest.mark.parametrize(("changes", "about"), [
    ({"severity": "block", "status": "unverified"}, "may flag, never block"),
    ({"predicate": "amonut > 1"}, "amonut"), ({"predicate": "amount >"}, "it ends here"),
    ({"applies_when": 'amount > param("limit")'}, "rests on a parameter"),
    ({"needs": ("nothing",)}, "no field or fact"),
    ({"effective_from": "2020-01-01T00:00:00"}, "has no timezone"), ({"effective_from": "soon"}, "is no instant"),
    ({"tests": TESTS[:1]}, "none expects fail"), ({"citation": Citation(body="CBB")}, "does not say where"),
    ({"status": "house"}, "cites nobody"),
    ({"tests": (*TESTS, RuleTest(given={"amonut": 1}, expect="pass"))}, "is no field"),
])  # fmt: skip
def test_lint_of_rules(changes: Any, about: str) -> None:
    assert any(about in f"{fault.message} {fault.hint}" for fault in lint.check(with_rule(**changes)))


@pytest.mark.parametrize(("windows", "about"), [
    ((), "has none"), ((Window(from_="2020-01-01", to="2019-01-01", value="1"),), "ends before it begins"),
    ((Window(to="2020-01-01", value="1"), Window(from_="2020-01-02", value="2")), "leaves a gap"),
    ((Window(to="2020-01-02", value="1"), Window(from_="2020-01-01", value="2")), "overlaps"),
    ((Window(to="2020-01-01", value="1"), Window(from_="2020-01-01", value=("a",))), "numbers and words"),
])  # fmt: skip
def test_lint_of_windows(windows: tuple[Window, ...], about: str) -> None:
    pack = replace(PACK, params={"limit": Param(windows=windows)})
    assert any(about in fault.message for fault in lint.check(pack))


def test_lint_finds_two_of_one_name_and_a_timezone_that_is_none() -> None:
    assert any("stands twice" in fault.message for fault in lint.check(replace(PACK, rules=(RULE, RULE))))
    assert any("no timezone" in fault.message for fault in lint.check(replace(PACK, timezone="Bahrain/Here")))
