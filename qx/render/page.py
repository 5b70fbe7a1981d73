"""One page of HTML, as every report of qx is: nothing of it comes from elsewhere, nothing in it runs.

Light and dark as the reader's system has it, and for print. Pure: the same parts give the same bytes. What is handed to
these functions as text is escaped here; `parts` and `rows` are HTML already.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
.axis{stroke:var(--line)}
.key span{margin-right:1.2rem}
.key i{display:inline-block;width:.75rem;height:.75rem;border-radius:2px;margin-right:.35rem}
@media print{:root{--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--band:#fff;--good:#1a7f37;--warn:#7d5300;
--bad:#a40e26;--link:#000}
body{max-width:none;padding:0;font-size:10.5pt}h2{break-after:avoid}tr,.card,svg{break-inside:avoid}
thead{display:table-header-group}.wide{overflow:visible}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, parts: Iterable[str], style: str = "") -> str:
    """`style`: what this page has beside the style of all."""
    head = [
        "<!doctype html>", '<html lang="en">', '<head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        f"<title>{escape(title)}</title>", f"<style>{STYLE}{style}</style></head>", "<body>",
    ]  # fmt: skip
    return "\n".join([*head, *parts, "</body></html>"]) + "\n"


def rows_table(heads: Sequence[str], rows: Sequence[Sequence[str]], none: str) -> Iterable[str]:
    """A head that begins with # is one of numbers. `none`: said in place of a table without rows."""
    if not rows:
        yield f'<p class="soft">{escape(none)}</p>'
        return
    cells = "".join(
        f'<th scope="col"{of_class("n" if each.startswith("#") else "")}>{escape(each.removeprefix("#"))}</th>'
        for each in heads
    )
    yield f'<div class="wide"><table><thead><tr>{cells}</tr></thead><tbody>'
    yield from (f"<tr>{''.join(row)}</tr>" for row in rows)
    yield "</tbody></table></div>"


def card(name: str, shown: str, tone: str = "") -> str:
    return f'<div class="card"><b{of_class(tone)}>{escape(shown)}</b><span class="soft">{escape(name)}</span></div>'


def thousands(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")


def of_class(*words: str) -> str:
    given = " ".join(word for word in words if word)
    return f' class="{given}"' if given else ""


def cell(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def number(shown: int | str, tone: str = "") -> str:
    return f"<td{of_class('n', tone)}>{escape(str(shown))}</td>"


def code(text: str) -> str:
    return f"<td{of_class('long' if len(text) > 24 else '')}><code>{escape(text)}</code></td>"


def long(text: str) -> str:
    return f'<td class="long"><code>{escape(text)}</code></td>'


def at(instant: str) -> str:
    return f'<td class="at">{escape(instant)}</td>'


def toned(text: str, tone: str) -> str:
    """One word is not broken."""
    return f"<td{of_class(tone, '' if ' ' in text else 'word')}>{escape(text)}</td>"
