"""A regulatory summary as one page of HTML: nothing of it comes from elsewhere, nothing in it runs.

Light and dark as the reader's system has it, and for print. Pure: the same report gives the same bytes. Every text that
came from outside is escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.page import at, card, cell, code, long, number, page, rows_table, thousands, toned
from qx.render.report import state_of, where
from qx.render.report_svg import shares, timeline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.model.report import ComplianceReport, RuleFired

_STYLE = """.approved{fill:var(--good)}.conditional{fill:var(--warn)}.rejected{fill:var(--bad)}
.key .a{background:var(--good)}.key .c{background:var(--warn)}.key .r{background:var(--bad)}
"""
_KEY = (
    '<p class="key soft"><span><i class="a"></i>approved</span><span><i class="c"></i>conditional</span>'
    '<span><i class="r"></i>rejected</span></p>'
)
_STATE = {"missed": "bad", "late": "warn", "open": "", "fulfilled": "good"}
_LEAVE = {"requested": "warn", "approved": "good", "refused": "bad", "revoked": "bad", "expired": "soft"}


def report_html(found: ComplianceReport) -> str:
    title = f"Compliance of {found.region}, {found.since[:10]} to {found.until[:10]}"
    parts = [
        *_head(found), *_statuses(found), *_rules(found), *_obligations(found), *_leaves(found), *_decisions(found),
        *_rested_on(found), *_record(found),
    ]  # fmt: skip
    return page(title, parts, _STYLE)


def _head(found: ComplianceReport) -> Iterable[str]:
    law = ", ".join(found.jurisdictions)
    yield f"<header><h1>Compliance of {escape(found.region)}</h1>"
    span = f"from {found.since} to {found.until}, the end not included"
    yield f'<p class="soft">{escape(law)} · {escape(span)}</p>'
    tone = "good" if found.record.verified else "bad"
    yield f'<p>Record: <strong class="{tone}">{escape(state_of(found.record))}</strong></p></header>'
    missed = found.obligations.get("missed", 0)
    yield '<div class="cards">'
    yield _card("validations", found.validations)
    yield _card("approved", found.counts.approved, "good")
    yield _card("conditional", found.counts.conditional, "warn")
    yield _card("rejected", found.counts.rejected, "bad" if found.counts.rejected else "")
    yield _card("obligations missed", missed, "bad" if missed else "good")
    yield _card("overrides and waivers", len(found.leaves))
    yield "</div>"


def _statuses(found: ComplianceReport) -> Iterable[str]:
    yield "<h2>Statuses</h2>"
    if not found.validations:
        yield '<p class="soft">No validation was kept in this time.</p>'
        return
    yield shares(found.counts)
    yield _KEY
    scores = f"Score {found.mean_score} in the mean, {found.lowest_score} at the least"
    yield f"<p>{scores}; {escape(plural(found.transactions, 'transaction'))}. By {found.every}:</p>"
    yield f'<div class="wide over">{timeline(found.timeline)}</div>'


def _rules(found: ComplianceReport) -> Iterable[str]:
    yield "<h2>Rules that fired</h2>"
    rows = [
        [code(each.rule), _severity(each), cell(each.title or "in no pack in force"), _citation(each),
         number(each.failed), number(each.untold), number(each.waived)]
        for each in found.rules
    ]  # fmt: skip
    heads = ("rule", "severity", "says", "stands in", "#failed", "#not told", "#waived")
    yield from rows_table(heads, rows, "No rule fired.")


def _obligations(found: ComplianceReport) -> Iterable[str]:
    yield "<h2>Obligations</h2>"
    said = ", ".join(f"{count} {state}" for state, count in found.obligations.items())
    yield f"<p>{escape(said)} at the end of the report.</p>"
    rows = [
        [at(each.due), toned(each.state, _STATE[each.state]), code(each.transaction or each.validation),
         cell(each.action), cell(each.to), code(each.rule),
         cell(f"{each.fulfilled_by} at {each.fulfilled_at}: {each.note}" if each.fulfilled_by else "")]
        for each in found.obligated
    ]  # fmt: skip
    yield from rows_table(("due", "state", "transaction", "to do", "to", "rule", "done"), rows, "There is none.")
    if found.left_out:
        yield f'<p class="soft">{found.left_out} more are counted and not listed.</p>'


def _leaves(found: ComplianceReport) -> Iterable[str]:
    yield "<h2>Overrides and waivers</h2>"
    yield '<p class="soft">They change no status: they stand beside the validation.</p>'
    rows = []
    for each in found.leaves:
        one = each.waiver
        given = f"{one.approved_by} at {one.approved_at}: {one.approved_reason}" if one.approved_at else "nobody"
        ended = f"; {one.state} by {one.ended_by} at {one.ended_at}: {one.ended_reason}" if one.ended_at else ""
        rows.append([
            code(one.id), cell(one.kind), toned(one.state, _LEAVE[one.state]), code(one.rule),
            cell(one.counterparty or one.transaction or one.validation), cell(f"{one.requested_by}: {one.reason}"),
            cell(given + ended), at(one.until), number(each.validations),
        ])  # fmt: skip
    heads = ("id", "kind", "state", "rule", "of", "asked for by", "given by", "until", "#beside")
    yield from rows_table(heads, rows, "There is none.")


def _decisions(found: ComplianceReport) -> Iterable[str]:
    if found.decisions:
        yield "<h2>Other decisions in the record</h2>"
        rows = [
            [at(each.at), cell(each.kind), code(each.about), cell(each.who), cell(each.reason)]
            for each in found.decisions
        ]
        yield from rows_table(("at", "kind", "about", "who", "why"), rows, "")


def _rested_on(found: ComplianceReport) -> Iterable[str]:
    yield "<h2>What the answers rested on</h2>"
    rows = []
    for each in found.packs:
        stale = f"overdue for review since {each.stale}" if each.stale else ""
        tables = f"tables overdue: {', '.join(each.stale_tables)}" if each.stale_tables else ""
        state = "; ".join(part for part in (stale, tables) if part)
        rows.append([
            cell(f"{each.pack} {each.version}"), toned(state or "reviewed", "warn" if state else "good"),
            number(each.validations), long(each.digest),
        ])  # fmt: skip
    yield from rows_table(("pack", "review", "#validations", "digest"), rows, "No pack was used.")
    lists = [[long(each.digest or "none"), number(each.validations)] for each in found.lists]
    if lists:
        yield from rows_table(("lists held against", "#validations"), lists, "")
    if found.engines:
        yield f'<p class="soft">Engine: {escape(", ".join(found.engines))}</p>'


def _record(found: ComplianceReport) -> Iterable[str]:
    record = found.record
    yield "<h2>Record</h2>"
    told = f"{plural(record.blocks, 'block')}, {plural(record.validations, 'validation')}"
    yield f"<p>{escape(told)}, {escape(plural(record.checkpoints, 'checkpoint'))} in all. Head:</p>"
    yield f"<p><code>{escape(record.head or 'none')}</code></p>"
    if record.faults:
        yield '<ul class="bad">' + "".join(f"<li>{escape(each)}</li>" for each in record.faults) + "</ul>"


def _card(name: str, count: int, tone: str = "") -> str:
    return card(name, thousands(count), tone)


def _severity(rule: RuleFired) -> str:
    tones = {"block": "bad", "flag": "warn"}
    return toned(rule.severity or "unknown", tones.get(rule.severity, ""))


def _citation(rule: RuleFired) -> str:
    said = where(rule)
    if rule.evidence not in ("verified", "house", ""):
        said = f"{said} ({rule.evidence})"
    url = rule.citation.url if rule.citation is not None else ""
    if url.startswith(("https://", "http://")):
        return f'<td><a href="{escape(url)}" rel="noreferrer">{escape(said)}</a></td>'
    return cell(said)
