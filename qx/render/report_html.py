"""A regulatory summary as one page of HTML: nothing of it comes from elsewhere, nothing in it runs.

Light and dark as the reader's system has it, and for print. Pure: the same report gives the same bytes. Every text that
came from outside is escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.report import state_of, where
from qx.render.report_svg import shares, timeline

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qx.model.report import ComplianceReport, RuleFired

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--soft:#59636e;--line:#d1d9e0;--band:#f6f8fa;
--good:#1a7f37;--warn:#9a6700;--bad:#cf222e;--link:#0969da}
@media (prefers-color-scheme:dark){:root{--paper:#0d1117;--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--band:#151b23;
--good:#3fb950;--warn:#d29922;--bad:#f85149;--link:#4493f8}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.25rem 4rem;max-width:68rem;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:0}
h2{font-size:1.1rem;margin:2.25rem 0 .5rem;padding-top:.5rem;border-top:1px solid var(--line)}
p{margin:.4rem 0}.soft{color:var(--soft)}.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.75rem;margin:1.25rem 0}
.card{border:1px solid var(--line);border-radius:8px;background:var(--band);padding:.7rem .9rem}
.card b{display:block;font-size:1.5rem;line-height:1.2;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}a{color:var(--link)}.at,.word{white-space:nowrap}.n{text-align:right;font-variant-numeric:tabular-nums}
code{font:.85em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:nowrap}
p code,.long code{white-space:normal;overflow-wrap:anywhere}
svg{display:block;width:100%;height:auto}.over svg{min-width:36rem}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}
.approved{fill:var(--good)}.conditional{fill:var(--warn)}.rejected{fill:var(--bad)}.axis{stroke:var(--line)}
.key span{margin-right:1.2rem}
.key i{display:inline-block;width:.75rem;height:.75rem;border-radius:2px;margin-right:.35rem}
.key .a{background:var(--good)}.key .c{background:var(--warn)}.key .r{background:var(--bad)}
@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--band:#fff;--good:#1a7f37;--warn:#7d5300;
--bad:#a40e26;--link:#000}
body{max-width:none;padding:0;font-size:10.5pt}h2{break-after:avoid}tr,.card,svg{break-inside:avoid}
thead{display:table-header-group}.wide{overflow:visible}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_KEY = (
    '<p class="key soft"><span><i class="a"></i>approved</span><span><i class="c"></i>conditional</span>'
    '<span><i class="r"></i>rejected</span></p>'
)
_STATE = {"missed": "bad", "late": "warn", "open": "", "fulfilled": "good"}
_LEAVE = {"requested": "warn", "approved": "good", "refused": "bad", "revoked": "bad", "expired": "soft"}


def report_html(found: ComplianceReport) -> str:
    title = f"Compliance of {found.region}, {found.since[:10]} to {found.until[:10]}"
    parts = [
        "<!doctype html>", '<html lang="en">', '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{escape(title)}</title>", f"<style>{STYLE}</style></head>", "<body>",
        *_head(found), *_statuses(found), *_rules(found), *_obligations(found), *_leaves(found), *_decisions(found),
        *_rested_on(found), *_record(found), "</body></html>",
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


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
        [_code(each.rule), _severity(each), _cell(each.title or "in no pack in force"), _citation(each),
         _number(each.failed), _number(each.untold), _number(each.waived)]
        for each in found.rules
    ]  # fmt: skip
    heads = ("rule", "severity", "says", "stands in", "#failed", "#not told", "#waived")
    yield from _table(heads, rows, "No rule fired.")


def _obligations(found: ComplianceReport) -> Iterable[str]:
    yield "<h2>Obligations</h2>"
    said = ", ".join(f"{count} {state}" for state, count in found.obligations.items())
    yield f"<p>{escape(said)} at the end of the report.</p>"
    rows = [
        [_at(each.due), _toned(each.state, _STATE[each.state]), _code(each.transaction or each.validation),
         _cell(each.action), _cell(each.to), _code(each.rule),
         _cell(f"{each.fulfilled_by} at {each.fulfilled_at}: {each.note}" if each.fulfilled_by else "")]
        for each in found.obligated
    ]  # fmt: skip
    yield from _table(("due", "state", "transaction", "to do", "to", "rule", "done"), rows, "There is none.")
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
            _code(one.id), _cell(one.kind), _toned(one.state, _LEAVE[one.state]), _code(one.rule),
            _cell(one.counterparty or one.transaction or one.validation), _cell(f"{one.requested_by}: {one.reason}"),
            _cell(given + ended), _at(one.until), _number(each.validations),
        ])  # fmt: skip
    heads = ("id", "kind", "state", "rule", "of", "asked for by", "given by", "until", "#beside")
    yield from _table(heads, rows, "There is none.")


def _decisions(found: ComplianceReport) -> Iterable[str]:
    if found.decisions:
        yield "<h2>Other decisions in the record</h2>"
        rows = [
            [_at(each.at), _cell(each.kind), _code(each.about), _cell(each.who), _cell(each.reason)]
            for each in found.decisions
        ]
        yield from _table(("at", "kind", "about", "who", "why"), rows, "")


def _rested_on(found: ComplianceReport) -> Iterable[str]:
    yield "<h2>What the answers rested on</h2>"
    rows = []
    for each in found.packs:
        stale = f"overdue for review since {each.stale}" if each.stale else ""
        tables = f"tables overdue: {', '.join(each.stale_tables)}" if each.stale_tables else ""
        state = "; ".join(part for part in (stale, tables) if part)
        rows.append([
            _cell(f"{each.pack} {each.version}"), _toned(state or "reviewed", "warn" if state else "good"),
            _number(each.validations), _long(each.digest),
        ])  # fmt: skip
    yield from _table(("pack", "review", "#validations", "digest"), rows, "No pack was used.")
    lists = [[_long(each.digest or "none"), _number(each.validations)] for each in found.lists]
    if lists:
        yield from _table(("lists held against", "#validations"), lists, "")
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


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], none: str) -> Iterable[str]:
    """A head that begins with # is one of numbers."""
    if not rows:
        yield f'<p class="soft">{escape(none)}</p>'
        return
    cells = "".join(
        f'<th scope="col"{_class("n" if each.startswith("#") else "")}>{escape(each.removeprefix("#"))}</th>'
        for each in heads
    )
    yield f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>'
    yield from (f"<tr>{''.join(row)}</tr>" for row in rows)
    yield "</tbody></table></div>"


def _card(name: str, count: int, tone: str = "") -> str:
    shown = f"{count:,}".replace(",", "\u202f")
    return f'<div class="card"><b{_class(tone)}>{shown}</b><span class="soft">{escape(name)}</span></div>'


def _class(*words: str) -> str:
    given = " ".join(word for word in words if word)
    return f' class="{given}"' if given else ""


def _cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _number(count: int) -> str:
    return f'<td class="n">{count}</td>'


def _code(text: str) -> str:
    return f"<td{_class('long' if len(text) > 24 else '')}><code>{escape(text)}</code></td>"


def _long(text: str) -> str:
    return f'<td class="long"><code>{escape(text)}</code></td>'


def _at(instant: str) -> str:
    return f'<td class="at">{escape(instant)}</td>'


def _toned(text: str, tone: str) -> str:
    """One word is not broken."""
    return f"<td{_class(tone, '' if ' ' in text else 'word')}>{escape(text)}</td>"


def _severity(rule: RuleFired) -> str:
    tones = {"block": "bad", "flag": "warn"}
    return _toned(rule.severity or "unknown", tones.get(rule.severity, ""))


def _citation(rule: RuleFired) -> str:
    said = where(rule)
    if rule.evidence not in ("verified", "house", ""):
        said = f"{said} ({rule.evidence})"
    url = rule.citation.url if rule.citation is not None else ""
    if url.startswith(("https://", "http://")):
        return f'<td><a href="{escape(url)}" rel="noreferrer">{escape(said)}</a></td>'
    return _cell(said)
