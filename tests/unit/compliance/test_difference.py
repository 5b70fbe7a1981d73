"""What turns between two instants, to the instant; and whose answer turns, with the rule and the reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from qx.compliance.dated import instant
from qx.compliance.difference import flipped, turns, worse
from qx.compliance.screening import Lists, screen
from qx.compliance.selftest import BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import Rulebook, validate
from qx.model.rules import RulePack

if TYPE_CHECKING:
    from qx.compliance.difference import Flip

CITED = {"body": "house"}
PACK: dict[str, Any] = {
    "pack": "mine", "version": "1", "schema": "qx-rulepack/1", "title": "t", "jurisdictions": ["*"],
    "timezone": "Asia/Bahrain", "review_by": "2026-06-30",
    "params": {
        "cap": {"unit": "USD", "windows": [
            {"from": "2026-01-01", "to": "2026-03-01", "value": "100"},
            {"from": "2026-03-01", "to": "2026-04-01", "value": "50"},
            {"from": "2026-04-01", "value": "50"},
        ]},
        "barred": {"windows": [
            {"to": "2026-03-01", "value": ["RU", "IR"]}, {"from": "2026-03-01", "value": ["IR", "KP"]},
        ]},
        "per_usd_bhd": {"review_by": "2026-02-01", "windows": [{"value": "0.376"}]},
    },
    "rules": [
        {"id": "M-CAP", "title": "cap", "jurisdiction": "*", "citation": CITED, "status": "house", "severity": "block",
         "predicate": 'unitPrice <= param("cap")', "message": "over"},
        {"id": "M-SUM", "title": "sum", "jurisdiction": "*", "citation": CITED, "status": "house", "severity": "flag",
         "effective_from": "2026-02-01", "effective_to": "2026-02-10", "predicate": "facts.linkedUsd < 10",
         "message": "m"},
    ],
}  # fmt: skip
UNTIL = instant("2026-12-31", "UTC")


def pack(**other: Any) -> RulePack:
    return msgspec.convert({**PACK, **other}, RulePack)


def told(since: str, until: str) -> list[tuple[str, str, str, bool]]:
    found = turns([pack()], instant(since, "UTC"), instant(until, "UTC"))
    return [(each.at, each.name, each.turn, each.lasts) for each in found]


def test_everything_that_turns_is_told_in_order_and_by_the_packs_own_clock() -> None:
    assert told("2025-12-31T20:00:00+00:00", "2026-12-31") == [
        ("2025-12-31T21:00:00Z", "cap", "in force", False),
        ("2026-01-31T21:00:00Z", "M-SUM", "in force", False),
        ("2026-02-01T21:00:00Z", "per_usd_bhd", "stale", True),
        ("2026-02-09T21:00:00Z", "M-SUM", "not in force", True),
        ("2026-02-28T21:00:00Z", "barred", "another value", True),
        ("2026-02-28T21:00:00Z", "cap", "another value", False),
        ("2026-03-31T21:00:00Z", "cap", "another window", True),
        ("2026-06-30T21:00:00Z", "mine", "stale", True),
    ]


def test_the_first_instant_is_not_included_and_the_second_is() -> None:
    turning = instant("2026-02-28T21:00:00+00:00", "UTC")
    second = timedelta(seconds=1)
    assert turns([pack()], turning, turning + second) == ()
    assert {each.name for each in turns([pack()], turning - second, turning)} == {"barred", "cap"}
    assert turns([pack()], turning - 2 * second, turning - second) == ()


def test_a_list_tells_what_came_and_what_went_and_who_rests_on_it() -> None:
    barred, cap, rate = (
        next(each for each in turns([pack()], instant("2026-01-02", "UTC"), UNTIL) if each.name == name)
        for name in ("barred", "cap", "per_usd_bhd")
    )
    assert (barred.added, barred.removed, barred.rules) == (("KP",), ("RU",), ())
    assert (cap.before, cap.after, cap.rules) == ("100 USD", "50 USD", ("M-CAP",))
    assert rate.rules == ("M-SUM",), "converted amounts rest on every rate"


def flip(given: dict[str, Any], since: str, until: str, of: RulePack | None = None) -> Flip | None:
    book = Rulebook("here", ("*",), (of or replace(pack(), review_by="2099-01-01"),))
    transaction = read(laid_over(BASE, given))
    screened = screen(transaction, Lists(()), datetime(2026, 1, 1, tzinfo=UTC))
    both = (validate(transaction, book, instant(at, "UTC"), screened, everything=True) for at in (since, until))
    return flipped(7, *both)


def test_a_transaction_that_flips_says_by_which_rule_and_why() -> None:
    found = flip({}, "2026-01-15", "2026-03-15")
    assert found is not None
    assert (found.number, found.before, found.after) == (7, "approved", "rejected")
    assert found.score_before > found.score_after
    why = found.because[0]
    assert (why.rule, why.before, why.after, why.because) == ("M-CAP", "pass", "fail", "cap: 100 USD, now 50 USD")


def test_one_that_does_not_is_not_told() -> None:
    assert flip({"unitPrice": "40"}, "2026-01-15", "2026-03-15") is None


@pytest.mark.parametrize(("since", "until", "because"), [
    ("2026-01-15", "2026-02-05", "it is in force now"), ("2026-02-05", "2026-02-15", "it is not in force any more"),
])  # fmt: skip
def test_a_rule_that_begins_or_ends_is_the_reason(since: str, until: str, because: str) -> None:
    found = flip({"unitPrice": "40"}, since, until)
    assert found is not None
    assert [(each.rule, each.because) for each in found.because] == [("M-SUM", because)]


def test_what_grows_stale_is_the_reason() -> None:
    found = flip({"unitPrice": "40"}, "2026-06-30", "2026-07-02", pack())
    assert found is not None
    assert found.after == "conditional"
    assert found.because[0].because == "its table or pack is overdue for review"


def test_time_that_passed_is_the_reason() -> None:
    aged = pack(
        params={}, review_by="2099-01-01",
        rules=[{"id": "M-AGE", "title": "a", "jurisdiction": "*", "citation": CITED, "status": "house",
                "severity": "flag", "predicate": "days_between(kyc.reviewedAt, day(asOf)) < 300", "message": "old"}],
    )  # fmt: skip
    found = flip({}, "2026-04-01", "2027-04-01", aged)
    assert found is not None
    assert found.because[0].because.startswith("asOf: 2026-04-01")


def test_worse_is_a_strict_order() -> None:
    assert worse("approved", "conditional")
    assert worse("conditional", "rejected")
    assert not worse("rejected", "rejected")
    assert not worse("rejected", "approved")
