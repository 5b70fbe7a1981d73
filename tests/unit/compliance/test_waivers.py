"""Waivers: asked for by one, given by another who has no part in the transaction, ending by themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from qx.app.compliance import Desk
from qx.app.waivers import Waivers
from qx.compliance.evidence import kept_of
from qx.compliance.lint import check
from qx.compliance.screening import screen
from qx.compliance.selftest import BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import validate
from qx.compliance.waivers import check_rule, folded, is_of, person, speaks_of
from qx.kernel.errors import QxError, Refused
from qx.model.evidence import Note, Noted
from qx.model.rules import Rule, RulePack
from tests.fakes.remembered import Remembered, StandingClock

if TYPE_CHECKING:
    from qx.model.validation import Validation
    from qx.model.waiver import Waiver

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
UNTIL = datetime(2026, 12, 1, tzinfo=UTC)
RULE = "GL-AML-005"


class Office:
    """The shipped rules, a record in memory, and one validation with a finding of RULE in it."""

    def __init__(self) -> None:
        self.clock = StandingClock(NOW.timestamp())
        self.record = Remembered(self.clock)
        self.desk = Desk({}, cwd=Path("/nonexistent"))
        self.waivers = Waivers(self.desk, self.record, self.clock, "ops@desk")
        self.validation = self.judge({})

    def judge(self, given: dict[str, Any]) -> Validation:
        transaction = read(laid_over(BASE, {"kyc.status": "pending", **given}))
        book = self.desk.rulebook("bahrain")
        found = validate(transaction, book, NOW, screen(transaction, self.desk.lists, NOW))
        self.record.keep([kept_of(found, transaction)])
        return found

    def ask(self, by: str = "dora", rule: str = RULE) -> Waiver:
        return self.waivers.ask_for_one(rule, self.validation.validation_id, UNTIL, by, "renewal is on its way")

    def ask_all(self, name: str = "Gulf Energy Trading WLL", region: str | None = None) -> Waiver:
        return self.waivers.ask_for_all(RULE, name, region, UNTIL, "dora", "known for years")

    def later(self, **more: float) -> None:
        self.clock.at += timedelta(**more).total_seconds()


@pytest.fixture(scope="module")
def opened() -> Office:
    return Office()


@pytest.fixture
def office(opened: Office) -> Office:
    """A new record each; reading the packs once."""
    opened.clock = StandingClock(NOW.timestamp())
    opened.record = Remembered(opened.clock)
    opened.waivers = Waivers(opened.desk, opened.record, opened.clock, "ops@desk")
    opened.validation = opened.judge({})
    return opened


def test_one_asks_another_gives_and_the_validation_stays_what_it_was(office: Office) -> None:
    before = office.record.find(office.validation.validation_id)
    asked = office.ask()
    assert (asked.kind, asked.state) == ("override", "requested")
    assert (asked.transaction, asked.regions) == ("TXN-1", ("bahrain",))
    given = office.waivers.decide(asked, "approve", "eve", "seen the papers")
    assert (given.state, given.approved_by, given.approved_account) == ("approved", "eve", "ops@desk")
    assert office.record.find(office.validation.validation_id) == before
    assert office.waivers.named(asked.id[:6]) == given


@pytest.mark.parametrize(("by", "why"), [
    ("dora", "asked for"), ("Dora@other-desk", "asked for"), ("ada", "workflow.createdBy"),
    ("ben", "workflow.approvedBy"), ("cleo", "workflow.settledBy"),
])  # fmt: skip
def test_whoever_asked_or_has_a_part_in_the_transaction_cannot_give_it(office: Office, by: str, why: str) -> None:
    with pytest.raises(Refused, match=why) as refused:
        office.waivers.decide(office.ask(), "approve", by, "r")
    assert refused.value.code == "QX-WAIVE-002"
    assert office.waivers.all()[0].state == "requested"


def test_it_ends_by_itself_and_cannot_be_given_afterwards(office: Office) -> None:
    asked = office.ask()
    office.later(days=9)
    (late,) = office.waivers.all()
    assert late.state == "expired"
    with pytest.raises(Refused, match="is expired"):
        office.waivers.decide(late, "approve", "eve", "r")
    assert asked.until == "2026-12-01T00:00:00Z"


def test_what_is_refused_or_revoked_is_over(office: Office) -> None:
    refused = office.waivers.decide(office.ask(), "refuse", "eve", "no")
    assert (refused.state, refused.ended_by) == ("refused", "eve")
    with pytest.raises(Refused):
        office.waivers.decide(refused, "approve", "finn", "r")
    office.later(minutes=1)
    given = office.waivers.decide(office.ask(), "approve", "eve", "r")
    ended = office.waivers.decide(given, "revoke", "finn", "papers were forged")
    assert (ended.state, ended.ended_by, ended.approved_by) == ("revoked", "finn", "eve")


@pytest.mark.parametrize(("until", "why"), [(NOW, "ended already"), (NOW + timedelta(days=367), "more than")])
def test_its_end_lies_ahead_and_not_too_far(office: Office, until: datetime, why: str) -> None:
    with pytest.raises(Refused, match=why):
        office.waivers.ask_for_one(RULE, office.validation.validation_id, until, "dora", "r")


def test_a_finding_that_is_not_there_cannot_be_waived(office: Office) -> None:
    with pytest.raises(Refused, match="has no finding"):
        office.ask(rule="GL-AML-006")
    with pytest.raises(QxError) as error:
        office.waivers.ask_for_one(RULE, "qxv1-" + "0" * 32, UNTIL, "dora", "r")
    assert error.value.code == "QX-TXN-005"


def test_a_rule_that_blocks_is_waived_only_where_its_pack_says_so_and_it_is_the_houses(office: Office) -> None:
    pack, rule = office.desk.rule("GL-SCH-001")
    assert rule.severity == "block"
    house, told = replace(rule, status="house"), replace(rule, severity="info")
    for forbidden in (rule, replace(rule, waivable=True), house, told):
        with pytest.raises(Refused) as refused:
            check_rule(forbidden)
        assert refused.value.code == "QX-WAIVE-001"
    check_rule(replace(rule, status="house", waivable=True))
    check_rule(replace(rule, severity="flag"))
    assert pack.pack == "global"


@pytest.mark.parametrize(("status", "severity", "wrong"), [
    ("house", "block", False), ("verified", "block", True), ("house", "flag", True), ("unverified", "info", True),
])  # fmt: skip
def test_lint_knows_where_waivable_may_stand(office: Office, status: Any, severity: Any, wrong: bool) -> None:
    pack, rule = office.desk.rule(RULE)
    body = "house" if status == "house" else "FATF"
    citation = replace(rule.citation, body=body)
    made: Rule = replace(rule, waivable=True, status=status, severity=severity, citation=citation)
    only: RulePack = replace(pack, rules=(made,))
    assert any(fault.trail[-1] == "waivable" for fault in check(only)) is wrong


def test_it_speaks_of_no_other_pack_validation_or_time(office: Office) -> None:
    given = office.waivers.decide(office.ask(), "approve", "eve", "r")
    packs = {given.pack: given.pack_digest}
    of = office.validation.validation_id

    def speaks(waiver: Waiver, *, validation: str = of, rule: str = RULE, digest: str = given.pack_digest,
               at: datetime = NOW) -> bool:  # fmt: skip
        return speaks_of(waiver, validation, (rule,), {given.pack: digest}, {}, at)

    assert speaks(given)
    assert packs
    assert not speaks(given, validation="qxv1-other")
    assert not speaks(given, rule="GL-AML-002")
    assert not speaks(given, digest="f" * 64)
    assert not speaks(given, at=UNTIL)
    assert not speaks(replace(given, approved_at=""))


def test_one_of_a_counterparty_holds_wherever_the_pack_does_and_for_whom_it_names(office: Office) -> None:
    asked = office.ask_all()
    assert (asked.kind, asked.regions) == ("waiver", office.desk.regions)
    given = office.waivers.decide(asked, "approve", "eve", "r")
    packs = {given.pack: given.pack_digest}

    def speaks(at: datetime = NOW, waiver: Waiver = given, **row: str) -> bool:
        others = {key.replace("_", "."): one for key, one in row.items()}
        named = {"counterparty.name": "GULF ENERGY TRADING W.L.L.", **others}
        return speaks_of(waiver, "qxv1-any", (RULE,), packs, named, at)

    assert speaks()
    assert not speaks(NOW - timedelta(seconds=1)), "not before it was given"
    assert not speaks(UNTIL)
    assert not speaks(counterparty_name="Somebody Else Ltd")
    assert not speaks(workflow_createdBy="eve"), "who gave it has a part in this one"
    over = replace(given, state="revoked", ended_at="2026-11-23T00:00:00Z", ended_by="finn")
    assert speaks(waiver=over)
    assert not speaks(datetime(2026, 11, 23, tzinfo=UTC), over)
    assert office.ask_all(region="bahrain").regions == ("bahrain",)


def test_a_counterparty_is_known_by_its_lei_too() -> None:
    assert is_of("5493001KJTIIGC8Y1R12", {"counterparty.lei": "5493001KJTIIGC8Y1R12"})
    assert not is_of("", {})
    assert not is_of("", {"counterparty.name": ""})
    assert person(" Ada@desk ") == "ada"


def test_the_record_itself_refuses_what_the_command_would(office: Office) -> None:
    """A note that somebody wrote past the command gives nothing."""
    asked = office.ask()
    note = Note(kind="override", about=asked.id, who="dora", at="2026-11-22T13:00:00Z", payload={"act": "approve"})
    late = Note(kind="override", about=asked.id, who="eve", at="2026-12-02T00:00:00Z", payload={"act": "approve"})
    other = Note(kind="override", about="wv-none", who="eve", at="2026-11-22T13:00:00Z", payload={"act": "approve"})
    said = [Noted("bahrain", each, NOW.timestamp() + 60, 9) for each in (note, late, other)]
    notes = [*office.record.notes("bahrain", "override", 0, 1e12), *said]
    assert [each.state for each in folded(notes, NOW).values()] == ["requested"]


def test_one_that_could_be_kept_nowhere_is_an_error(office: Office) -> None:
    office.record.loses = True
    with pytest.raises(QxError) as error:
        office.ask()
    assert error.value.code == "QX-STORE-005"


def test_a_waiver_comes_through_its_note_unchanged(office: Office) -> None:
    asked = office.ask()
    assert msgspec.convert(msgspec.to_builtins(asked), type(asked)) == asked == office.waivers.named(asked.id)
