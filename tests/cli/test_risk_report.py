"""`qx risk report`: one page that needs nothing from elsewhere, escapes what files say, and tells the same numbers."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from qx.model.risk_report import RiskReport
from qx.render.risk import money
from qx.render.risk_html import risk_html
from tests.cli.risky import two_books

if TYPE_CHECKING:
    from tests.cli.conftest import Qx

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "portfolio.csv")
EVIL = "<script>alert(1)</script>"


class Page(HTMLParser):
    """What stands in a page: tags that are open, attributes, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag != "meta":  # a rect that holds a title is closed by a tag, one that holds none by itself
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.words)


def reported(qx: Qx, file: str, out: Path, *argv: str) -> tuple[str, Any]:
    found = qx("risk", "report", file, "--html", str(out), "-o", "json", *argv)
    assert found.exit == 0, found.out
    return out.read_text(encoding="utf-8"), found.json


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, RiskReport]:
    from qx.app.risk.asked import Asked
    from qx.app.risk.inputs import Named
    from qx.app.risk.report import reported as report

    def tell(_what: str, _done: int, _share: float) -> None: ...

    found = report(Named(EXAMPLE), Asked(by=("book", "factor", "trade")), tell)
    return risk_html(found), found


def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(example: tuple[str, RiskReport]) -> None:
    text, _ = example
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object", "foreignobject", "use", "image"} & set(page.tags)
    outside = ("src", "srcset", "href", "xlink:href", "style", "action", "data")
    assert not [each for each in page.attributes if each[1] in outside or each[1].startswith("on")]
    assert "@import" not in text
    assert "url(" not in text
    assert "http" not in text.replace('http-equiv="Content-Security-Policy"', "")
    assert "default-src 'none'" in text
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text


def test_the_page_tells_the_numbers_of_the_document(example: tuple[str, RiskReport]) -> None:
    text, found = example
    words = Page(text).text
    figures = found.figures
    assert figures.es is not None
    for amount in (figures.var, figures.es, figures.value, found.stress[0].pnl):
        assert money(amount) in words
    for each in figures.inputs:
        assert each.sha256 in words
    for treatment in figures.treatments:
        assert treatment.words in words
    for scenario in found.stress:
        assert scenario.scenario in words
    assert figures.convention.words in words
    assert figures.convention.tail in words
    assert text.count("<svg") >= 6


def test_pictures_are_drawn_to_scale_and_told_in_words(example: tuple[str, RiskReport]) -> None:
    text, found = example
    assert found.distribution is not None
    assert found.backtest is not None
    assert found.correlation is not None
    assert sum(each.count for each in found.distribution.bins) == found.distribution.scenarios
    drawn = re.findall(r"<title>(\d+): ", text)
    assert sum(map(int, drawn)) == found.distribution.scenarios
    assert text.count('class="ring"') == found.backtest.result.exceptions
    count = len(found.correlation.factors)
    assert text.count('class="cell') == count * count
    pictures = re.findall(r'<svg [^>]*role="img" aria-label="([^"]*)"', text)
    assert len(pictures) == text.count("<svg")
    assert all(pictures)
    widths = [float(value) for value in re.findall(r'<rect class="(?:loss|gain)"[^>]* width="([\d.]+)"', text)]
    assert max(widths) <= 1000


def test_the_backtest_is_that_of_the_days_that_are_drawn(example: tuple[str, RiskReport]) -> None:
    _, found = example
    assert found.backtest is not None
    days = found.backtest.days
    assert len(days) == found.backtest.result.days == 400
    assert sum(day.exception for day in days) == found.backtest.result.exceptions
    assert all(day.exception == (day.pnl < -day.var) for day in days)
    by_day = {each.date: each.pnl for each in days}
    for worst in found.figures.worst:
        if worst.date in by_day:
            assert by_day[worst.date] == pytest.approx(worst.pnl, rel=1e-12)


def test_what_comes_from_files_is_escaped(qx: Qx, tmp_path: Path) -> None:
    file = Path(two_books(tmp_path))
    file.write_text(file.read_text().replace("crude", EVIL).replace("P1", f"{EVIL}1"))
    lines = ["scenario,factor,shock,shock_type,unit", f"{EVIL},CL*,-1,abs,"]
    (tmp_path / "scenarios.csv").write_text("\n".join(lines) + "\n")
    text, _ = reported(qx, str(file), tmp_path / "out.html", "--by", "book,trade")
    page = Page(text)
    assert page.open == []
    assert "<script" not in text
    assert EVIL in page.text
    assert f"{EVIL}1" in page.text
    assert html.escape(EVIL) in text


def test_two_runs_give_the_same_bytes_and_the_figures_of_var(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path)
    first, again = (reported(qx, file, tmp_path / f"{n}.html", "--by", "book") for n in (1, 2))
    assert first == again
    figures = qx("risk", "var", file, "--by", "book", "-o", "json").json
    told = first[1]["figures"]
    assert [each["role"] for each in told["inputs"]] == ["portfolio", "factors", "prices"]
    assert {**told, "schema": "qx.risk/1"} == figures


def test_a_closed_form_a_simulation_and_a_short_history_are_pages_too(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path, 120)
    text, found = reported(qx, file, tmp_path / "a.html", "--method", "parametric")
    assert (found["distribution"], found["backtest"]) == (None, None)
    assert found["untested"].startswith("No backtest: 119 days of returns")
    assert html.escape(found["untested"]) in text
    assert Page(text).open == []
    text, found = reported(qx, file, tmp_path / "b.html", "--method", "monte-carlo", "--draws", "20000")
    assert found["figures"]["simulation"]["draws"] == 20_000
    assert Page(text).open == []


def test_the_page_is_the_owners_alone_and_the_table_is_that_of_var(qx: Qx, tmp_path: Path) -> None:
    file = two_books(tmp_path)
    out = tmp_path / "r.html"
    found = qx("risk", "report", file, "--html", str(out))
    assert found.exit == 0
    assert found.out.startswith("VaR 99% 1 day")
    assert str(out) in found.err
    assert qx("risk", "report", file, "--html", str(tmp_path / "no" / "where.html")).exit == 2
    assert msgspec.convert(qx("risk", "report", file, "-o", "json").json, RiskReport).portfolio == "portfolio.csv"
