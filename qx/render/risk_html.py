"""A risk report as one page of HTML, with its pictures inside: nothing of it comes from elsewhere, nothing in it runs.

Pure: the same report gives the same bytes. Every text that came from a file is escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render import risk_svg as svg
from qx.render.page import at, card, cell, long, number, page, rows_table, toned
from qx.render.risk import between, heaviest, money, percent, simulation_words, worst_title
from qx.render.risk_stress import level, moved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.model.backtest import Backtest
    from qx.model.risk_answers import Breakdown
    from qx.model.risk_report import RiskReport
    from qx.model.risk_stress import StressResult

PARTS = 12  # names of a level in a picture
ROWS = 24  # in a table; the JSON has all
MOVES = 12  # factors of the worst scenario
_STYLE = """
h3{font-size:1rem;margin:1.25rem 0 .25rem;break-after:avoid}.card b{font-size:clamp(1.05rem,4.4vw,1.5rem)}
.card span{overflow-wrap:anywhere}.over svg{min-width:50rem}.square svg{min-width:40rem;max-width:46rem}
@media print{.over svg,.square svg{min-width:0}.card b{font-size:1.1rem}}
"""
_ZONES = {"green": "good", "yellow": "warn", "red": "bad"}
_REJECTED = {None: ("cannot be told", "soft"), True: ("yes", "bad"), False: ("no", "good")}


def risk_html(found: RiskReport) -> str:
    figures = found.figures
    title = f"Risk of {found.portfolio} on {figures.as_of}"
    parts = [
        *_head(found, title), *_distribution(found), *_contributions(found), *_backtest(found), *_stress(found),
        *_correlation(found), *_conventions(found), *_data(found), *_inputs(found),
    ]  # fmt: skip
    return page(title, parts, svg.STYLE + _STYLE)


def _head(found: RiskReport, title: str) -> Iterable[str]:
    figures = found.figures
    yield f"<header><h1>{escape(title)}</h1>"
    of = f"{plural(figures.positions, 'position')} moved by {plural(figures.factors, 'factor')}"
    days = plural(figures.horizon_days, "day")
    yield f'<p class="soft">{escape(f"{figures.alpha}, {days}, in {figures.currency}; {of}")}</p></header>'
    yield '<div class="cards">'
    yield card(f"VaR {figures.alpha} {days}", money(figures.var))
    yield card(f"expected shortfall {figures.alpha} {days}", money(figures.es))
    yield card(f"value on {figures.as_of}", money(figures.value))
    if found.backtest is not None:
        its = found.backtest.result
        yield card(f"backtest: exceptions ({its.verdict})", f"{its.exceptions} of {its.days}", _tone(its))
    if found.stress:
        worst = found.stress[0]
        yield card(f"worst scenario: {worst.scenario}", money(worst.pnl), "bad" if worst.pnl < 0 else "")
    yield "</div>"
    yield f"<p>VaR{escape(between(figures.var_interval))}. ES{escape(between(figures.es_interval))}.</p>"
    for note in figures.notes:
        yield f'<p class="warn">{escape(note)}</p>'


def _distribution(found: RiskReport) -> Iterable[str]:
    yield "<h2>P&amp;L of the scenarios</h2>"
    its, figures = found.distribution, found.figures
    if its is None:
        closed = "The method is a closed form: it has no scenarios."
        yield f'<p class="soft">{closed if figures.simulation is None else "Only the tail of the draws was kept."}</p>'
        return
    marks = [svg.Mark(f"VaR {money(figures.var)}", -figures.var)]
    if figures.es is not None:
        marks.append(svg.Mark(f"ES {money(figures.es)}", -figures.es))
    yield f'<div class="wide over">{svg.distribution(its.bins, marks, figures.currency)}</div>'
    shape = ""
    if its.skewness is not None and its.excess_kurtosis is not None:
        shape = f", skewness {its.skewness:.3f}, excess kurtosis {its.excess_kurtosis:.3f}"
    said = f"{its.scenarios:,} scenarios: mean {money(its.mean)}, standard deviation {money(its.deviation)}{shape}"
    yield f"<p>{escape(said)}; from {escape(money(its.worst))} to {escape(money(its.best))}.</p>"
    rows = [[cell(each.date), number(money(each.pnl))] for each in figures.worst]
    yield from rows_table(("worst scenarios", f"#{worst_title(figures)}"), rows, "No scenario is told.")


def _contributions(found: RiskReport) -> Iterable[str]:
    yield "<h2>Who adds what</h2>"
    if not found.figures.by:
        yield '<p class="soft">The figure was not taken apart.</p>'
    for by in found.figures.by:
        yield f"<h3>by {escape(by.level)}</h3>"
        first, rest = heaviest(by.parts, PARTS, lambda part: part.es)
        bars = [svg.Bar(part.name, part.es) for part in first]
        if rest:
            bars.append(svg.Bar(f"({len(rest)} more)", sum(part.es for part in rest)))
        what = f"part of the expected shortfall by {by.level}"
        yield f'<div class="wide over">{svg.bars(bars, what, loss_positive=True)}</div>'
        yield from _parts(by)


def _parts(by: Breakdown) -> Iterable[str]:
    told = [name for name in ("alone", "without") if any(getattr(part, name) is not None for part in by.parts)]
    first, rest = heaviest(by.parts, ROWS, lambda part: part.es)
    rows = [
        [toned(part.name or "(none)", ""), number(money(part.var)), number(money(part.es)), number(percent(part.share)),
         *(number(money(getattr(part, name))) for name in told)]
        for part in first
    ]  # fmt: skip
    if rest:
        sums = money(sum(part.var for part in rest)), money(sum(part.es for part in rest))
        empty = [number("") for _ in range(len(told) + 1)]
        rows.append([cell(f"({len(rest)} more)"), *map(number, sums), *empty])
    heads = (by.level, "#VaR", "#ES", "#of ES", *(f"#{name}" for name in told))
    yield from rows_table(heads, rows, "No name.")


def _backtest(found: RiskReport) -> Iterable[str]:
    yield "<h2>Backtest</h2>"
    its = found.backtest
    if its is None:
        yield f'<p class="soft">{escape(found.untested)}</p>'
        return
    result = its.result
    said = f"{result.exceptions} of {plural(result.days, 'day')} lost more than the VaR {result.alpha} told before"
    why = f": {'; '.join(result.because)}" if result.because else ""
    zone = result.traffic_light.zone
    yield f"<p>{escape(said)}; {result.expected:.1f} are expected. Traffic light: "
    yield f'<strong class="{_ZONES[zone]}">{escape(zone)}</strong>. '
    yield f'<strong class="{_tone(result)}">{escape(result.verdict)}</strong>{escape(why)}.</p>'
    yield f'<div class="wide over">{svg.backtest(its.days, found.figures.currency)}</div>'
    yield f'<p class="soft">{escape(its.source)}. The line is minus the VaR; a ring is a day that lost more.</p>'
    yield from _tests(result)


def _tests(its: Backtest) -> Iterable[str]:
    rows = [
        [cell(test.words), number("" if test.statistic is None else f"{test.statistic:.4f}"),
         number("" if test.critical is None else f"{test.critical:.4f}"),
         number("" if test.p_value is None else f"{test.p_value:.4f}"), toned(*_REJECTED[test.rejected])]
        for test in its.tests
    ]  # fmt: skip
    heads = ("the figures are right: hypothesis", "#statistic", f"#critical at {its.significance}", "#p", "rejected")
    yield from rows_table(heads, rows, "No test.")


def _tone(its: Backtest) -> str:
    return {"accepted": "good", "doubtful": "warn", "rejected": "bad"}[its.verdict]


def _stress(found: RiskReport) -> Iterable[str]:
    yield "<h2>Stress</h2>"
    if found.stress:
        bars = [svg.Bar(each.scenario, each.pnl) for each in found.stress]
        yield f'<div class="wide over">{svg.bars(bars, "P&L under scenarios, the worst first")}</div>'
    rows = [
        [cell(each.scenario), number(money(each.pnl), "bad" if each.pnl < 0 else ""), number(percent(each.share)),
         at(each.date.replace("..", " to ") or each.kind), number(each.horizon_days), cell(each.title)]
        for each in found.stress
    ]  # fmt: skip
    yield from rows_table(("scenario", "#P&L", "#of value", "when", "#days", "what"), rows, "No scenario.")
    for said in found.unstressed:
        yield f'<p class="soft">{escape(said)}</p>'
    if found.stress:
        yield from _worst(found.stress[0])


def _worst(result: StressResult) -> Iterable[str]:
    first, rest = heaviest([each for each in result.moves if each.pnl], MOVES, lambda each: each.pnl)
    yield f"<h3>the worst: {escape(result.scenario)}</h3>"
    if result.note:
        yield f'<p class="soft">{escape(result.note)}</p>'
    rows = [
        [cell(each.factor), number(level(each.before)), number(level(each.after)), number(moved(each)),
         number(money(each.pnl))]
        for each in first
    ]  # fmt: skip
    yield from rows_table(("factor", "#from", "#to", "#move", "#P&L"), rows, "It moves nothing that is held.")
    if rest:
        yield f'<p class="soft">{len(rest)} more factors: {escape(money(sum(each.pnl for each in rest)))}</p>'


def _correlation(found: RiskReport) -> Iterable[str]:
    its = found.correlation
    if its is None:
        return
    yield "<h2>Correlation of returns</h2>"
    yield f'<div class="wide over square">{svg.correlations(its)}</div>'
    if its.left_out:
        yield f'<p class="soft">{plural(its.left_out, "factor")} of less weight left out.</p>'


def _conventions(found: RiskReport) -> Iterable[str]:
    figures, said = found.figures, found.figures.convention
    yield "<h2>Conventions</h2>"
    told = [
        ("method", said.words), ("tail", said.tail), ("quantile rule", said.quantile), ("emulates", said.emulates),
        ("ES is", said.es), ("horizon", said.horizon), ("valued by", said.revaluation), ("volatility", said.volatility),
        ("ddof", "" if said.ddof is None else str(said.ddof)),
        ("returns", ", ".join(f"{count} {kind}" for kind, count in said.returns.items())), ("sign", said.sign),
        ("simulation", "" if figures.simulation is None else simulation_words(figures.simulation)),
        ("software", ", ".join(f"{name} {version}" for name, version in figures.software.items())),
    ]  # fmt: skip
    rows = [[cell(name), cell(words)] for name, words in told if words]
    yield from rows_table(("what", "is"), rows, "")


def _data(found: RiskReport) -> Iterable[str]:
    yield "<h2>What was done to the data</h2>"
    rows = [
        [cell(each.what), cell(each.subject), number(each.count), cell(each.words)]
        for each in found.figures.treatments
    ]
    yield from rows_table(("done", "to", "#times", "what"), rows, "Nothing.")


def _inputs(found: RiskReport) -> Iterable[str]:
    yield "<h2>Inputs</h2>"
    rows = [
        [cell(each.role), cell(each.path), number(f"{each.rows:,}"), long(each.sha256)] for each in found.figures.inputs
    ]
    yield from rows_table(("input", "file", "#rows", "SHA-256"), rows, "None.")
