"""The summary of a region: the record's numbers, what was due by its end, who let what pass; and its three forms."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from qx.app.compliance import Desk
from qx.app.report import fulfilled, summary
from qx.app.waivers import Waivers
from qx.compliance.evidence import kept_of
from qx.compliance.screening import screen
from qx.compliance.selftest import BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import validate
from qx.kernel.errors import QxError
from qx.model.evidence import Note, RecordAudit
from qx.render.report import HEADER, report_csv, report_text
from qx.render.report_html import report_html
from qx.render.report_svg import shares, timeline
from tests.fakes.remembered import Remembered, StandingClock

if TYPE_CHECKING:
    from qx.model.report import ComplianceReport
    from qx.model.validation import Validation

REGION = "eu-west"
FIRST, LAST = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)
SWAP = {"transactionType": "swap", "uti": "U1"}  # it obliges to a report by the following working day
EVIL = '=HYPERLINK("x")<script>alert(1)</script>'


class Office:
    def __init__(self) -> None:
        self.desk = Desk({}, cwd=Path("/nonexistent"))
        self.clear()

    def clear(self) -> None:
        self.clock = StandingClock(LAST.timestamp())
        self.record = Remembered(self.clock)

    def judge(self, day: int, name: str, given: dict[str, Any] | None = None, region: str = REGION) -> Validation:
        at = FIRST + timedelta(days=day - 1, hours=9)
        self.clock.at = at.timestamp()
        transaction = read(laid_over(BASE, {**(given or {}), "transactionId": name, "executionTs": at.isoformat()}))
        found = validate(transaction, self.desk.rulebook(region), at, screen(transaction, self.desk.lists, at))
        self.record.keep([kept_of(found, transaction)])
        return found

    def at(self, day: int, hour: int = 12) -> None:
        self.clock.at = (FIRST + timedelta(days=day - 1, hours=hour)).timestamp()

    def report(self, since: datetime = FIRST, until: datetime = LAST, asked: datetime = LAST) -> ComplianceReport:
        self.clock.at = asked.timestamp()
        return summary(self.desk, self.record, self.clock, REGION, since, until)


@pytest.fixture(scope="module")
def opened() -> Office:
    return Office()


@pytest.fixture
def office(opened: Office) -> Office:
    opened.clear()
    return opened


def states(found: ComplianceReport) -> dict[str, str]:
    return {each.transaction: each.state for each in found.obligated}


def test_it_counts_what_the_record_holds_of_that_region_and_time(office: Office) -> None:
    all_of_them = [
        office.judge(1, "T1"), office.judge(1, "T2", {"currency": "USX"}),
        office.judge(5, "T3", {"kyc.status": "pending"}), office.judge(5, "T3"),
    ]  # fmt: skip
    office.judge(5, "T4", region="bahrain")
    office.judge(22, "T5")  # at its end: not in it
    found = office.report()
    counted = Counter(each.status for each in all_of_them)
    assert (found.validations, found.transactions) == (4, 3)
    assert {status: getattr(found.counts, status) for status in counted} == counted
    assert found.lowest_score == min(each.compliance_score for each in all_of_them)
    assert found.mean_score == round(sum(each.compliance_score for each in all_of_them) / 4, 1)
    assert len(found.timeline) == 21
    assert {each.since: each.counts.total for each in found.timeline if each.counts.total} == {
        "2026-11-01": 2, "2026-11-05": 2,
    }  # fmt: skip


def test_the_rules_that_fired_stand_with_their_citations_the_most_failed_first(office: Office) -> None:
    found = [office.judge(day, f"T{day}", {"kyc.status": "pending"} if day > 2 else {}) for day in range(1, 5)]
    fired = Counter((each.rule_id, each.outcome == "fail") for one in found for each in one.findings)
    rules = office.report().rules
    assert {(each.rule, each.failed, each.untold) for each in rules} == {
        (rule, fired[rule, True], fired[rule, False]) for rule, _ in fired
    }
    assert [each.failed for each in rules] == sorted((each.failed for each in rules), reverse=True)
    due_diligence = next(each for each in rules if each.rule == "GL-AML-005")
    assert due_diligence.citation is not None
    assert (due_diligence.failed, due_diligence.citation.body, due_diligence.title != "") == (2, "FATF", True)


def test_an_obligation_is_missed_late_open_or_fulfilled_at_the_end_of_the_report(office: Office) -> None:
    made = {name: office.judge(2, name, SWAP) for name in ("missed", "late", "fulfilled")}
    due = datetime.fromisoformat(made["late"].obligations[0].due)
    rule = made["late"].obligations[0].rule_id
    office.judge(20, "open", SWAP)
    for name, said in (("late", due), ("fulfilled", due - timedelta(seconds=1))):
        office.clock.at = said.timestamp()
        fulfilled(office.record, office.clock, made[name].validation_id, rule, "finn", "ops@desk", "receipt 17")
    found = office.report(until=FIRST + timedelta(days=19, hours=12), asked=LAST)
    assert states(found) == {"missed": "missed", "late": "late", "fulfilled": "fulfilled", "open": "open"}
    assert found.obligations == {"missed": 1, "late": 1, "open": 1, "fulfilled": 1}
    assert [each.state for each in found.obligated] == ["missed", "late", "open", "fulfilled"]
    assert found.obligated[3].fulfilled_by == "finn"


def test_a_report_that_ends_ahead_calls_nothing_missed_that_is_not_due_yet(office: Office) -> None:
    office.judge(20, "T1", SWAP)
    ahead = datetime(2026, 12, 31, tzinfo=UTC)
    assert states(office.report(until=ahead, asked=FIRST + timedelta(days=19, hours=12))) == {"T1": "open"}
    assert states(office.report(until=ahead, asked=ahead)) == {"T1": "missed"}


def test_an_obligation_from_before_the_report_that_falls_due_in_it_counts_once(office: Office) -> None:
    office.judge(2, "T1", SWAP)
    office.judge(2, "T1", SWAP)  # judged again: one obligation
    found = office.report(since=FIRST + timedelta(days=2))
    assert found.validations == 0
    assert found.obligations["missed"] == 1


def test_one_that_was_done_before_the_report_began_is_none_of_its_business(office: Office) -> None:
    made = office.judge(2, "T1", SWAP)
    office.at(2, 20)
    fulfilled(office.record, office.clock, made.validation_id, made.obligations[0].rule_id, "finn", "ops@desk", "r")
    assert office.report(since=FIRST + timedelta(days=10)).obligated == ()


def test_nothing_is_fulfilled_that_was_not_owed(office: Office) -> None:
    made = office.judge(2, "T1")
    for validation, rule in ((made.validation_id, "EU-EMIR-9"), ("qxv1-" + "0" * 32, "EU-EMIR-9")):
        with pytest.raises(QxError):
            fulfilled(office.record, office.clock, validation, rule, "finn", "ops@desk", "r")


def test_overrides_stand_in_it_with_who_asked_and_gave_and_beside_what(office: Office) -> None:
    made = office.judge(2, "T1", {"kyc.status": "pending"})
    office.judge(2, "T2", {"kyc.status": "pending"})
    waivers = Waivers(office.desk, office.record, office.clock, "ops@desk")
    asked = waivers.ask_for_one("GL-AML-005", made.validation_id, LAST, "dora", "on its way")
    waivers.decide(asked, "approve", "eve", "seen")
    found = office.report()
    (leave,) = found.leaves
    assert (leave.waiver.requested_by, leave.waiver.approved_by, leave.waiver.state) == ("dora", "eve", "expired")
    assert leave.validations == 1
    assert {each.rule: each.waived for each in found.rules if each.waived} == {"GL-AML-005": 1}
    assert office.report(since=LAST + timedelta(days=1), until=LAST + timedelta(days=2)).leaves == ()


def test_packs_lists_and_decisions_stand_in_it(office: Office) -> None:
    made = office.judge(2, "T1")
    office.record.note(REGION, Note(kind="candidate-accepted", about="eu-1", who="ben", at="2026-11-02T10:00:00Z"))
    found = office.report()
    assert {(each.pack, each.digest, each.validations) for each in found.packs} == {
        (each.pack, each.digest, 1) for each in made.packs
    }
    assert [each.digest for each in found.lists] == [made.lists]
    assert [(each.kind, each.about, each.who) for each in found.decisions] == [("candidate-accepted", "eu-1", "ben")]
    stale = office.report(until=datetime(2027, 6, 1, tzinfo=UTC), asked=datetime(2027, 6, 1, tzinfo=UTC))
    overdue = {pack.pack for pack in office.desk.packs if pack.review_by < "2027-06-01"}
    used = {each.pack for each in stale.packs}
    assert {each.pack for each in stale.packs if each.stale} == used & overdue != set()
    assert stale.every == "month"
    assert len(stale.timeline) == 7


def test_a_record_that_does_not_hold_says_so_in_every_form(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = msgspec.json.decode(
        b'{"region":"eu-west","store":"s","verified":false,"blocks":3,"faults":[{"block":2,"what":"changed"}]}',
        type=RecordAudit,
    )
    monkeypatch.setattr(office.record, "verify", lambda _: broken)
    found = office.report()
    assert found.record.faults == ("block 2: changed",)
    for made in (report_text(found), report_html(found), report_csv(found)):
        assert "BROKEN: block 2: changed" in made


# -- its forms


@pytest.fixture
def full(office: Office) -> ComplianceReport:
    office.judge(1, EVIL, {**SWAP, "counterparty.name": EVIL})
    made = office.judge(2, "T2", {"kyc.status": "pending"})
    waivers = Waivers(office.desk, office.record, office.clock, "ops@desk")
    waivers.decide(waivers.ask_for_one("GL-AML-005", made.validation_id, LAST, EVIL, EVIL), "approve", "eve", EVIL)
    office.record.note(REGION, Note(kind=EVIL, about=EVIL, who=EVIL, at="2026-11-02T10:00:00Z", reason=EVIL))
    return office.report()


class Page(HTMLParser):
    """What stands in a page: tags that are open, attributes, text."""

    VOID = ("meta", "rect", "line", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_needs_nothing_from_elsewhere_runs_nothing_and_escapes_everything(full: ComplianceReport) -> None:
    text = report_html(full)
    page = Page(text)
    assert page.open == []
    assert "<script" not in text
    assert EVIL in " ".join(page.words)
    assert not [each for each in page.attributes if each[1] in ("src", "srcset", "onload", "onclick", "style")]
    assert {tag for tag, name, _ in page.attributes if name == "href"} <= {"a"}
    assert "@import" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text


def test_the_same_report_gives_the_same_bytes(office: Office, full: ComplianceReport) -> None:
    again = office.report(asked=LAST + timedelta(days=30))
    assert report_html(again) == report_html(full)
    assert report_csv(again) == report_csv(full)
    assert msgspec.json.encode(again) == msgspec.json.encode(full)


def test_csv_is_one_table_without_formulas_and_tells_the_same_numbers(full: ComplianceReport) -> None:
    rows = list(csv.reader(io.StringIO(report_csv(full), newline="")))
    assert tuple(rows[0]) == HEADER
    assert all(len(row) == 4 for row in rows)
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    summed = {row[2]: row[3] for row in rows if row[0] == "summary"}
    assert (int(summed["validations"]), int(summed["rejected"])) == (full.validations, full.counts.rejected)
    assert sum(int(row[3]) for row in rows if row[0] == "timeline") == full.validations
    assert {row[1]: int(row[3]) for row in rows if row[0] == "rule" and row[2] == "failed"} == {
        each.rule: each.failed for each in full.rules
    }


def test_the_pictures_show_the_numbers(full: ComplianceReport) -> None:
    bar = shares(full.counts)
    widths = [float(found) for found in re.findall(r'<rect[^>]* width="([\d.]+)"', bar)]
    assert sum(widths) == pytest.approx(1000, abs=0.1)
    drawn = re.findall(r"<title>(\S+): (\d+) (\w+)</title>", timeline(full.timeline))
    assert {(day, int(count), status) for day, count, status in drawn} == {
        (span.since, getattr(span.counts, status), status)
        for span in full.timeline for status in ("approved", "conditional", "rejected") if getattr(span.counts, status)
    }  # fmt: skip


def test_without_any_validation_it_is_still_a_page(office: Office) -> None:
    found = office.report()
    assert (found.validations, found.mean_score, found.lowest_score) == (0, None, None)
    assert "No validation was kept" in report_html(found)
    assert Page(report_html(found)).open == []
    assert report_text(found, width=80)


def test_the_list_of_obligations_is_bounded_and_says_so(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qx.compliance.report.MOST_LISTED", 2)
    for number in range(5):
        office.judge(2, f"T{number}", SWAP)
    found = office.report()
    assert (len(found.obligated), found.left_out, found.obligations["missed"]) == (2, 3, 5)
    assert "3 more are counted" in report_html(found)


def test_the_screen_fits_a_terminal(full: ComplianceReport) -> None:
    assert max(map(len, report_text(full, width=80).splitlines())) <= 80


