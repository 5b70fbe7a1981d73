"""A check as one line that Nagios, Icinga, Checkmk and their like read.

    QX_LAG WARNING - trading in eu-west 12 s behind | 'trading_eu-west_seconds'=12.4s;10;60;0
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.render.paint import printable

if TYPE_CHECKING:
    from qx.failover.checks import Check, Figure


def nagios_line(check: Check) -> str:
    """One line, whatever the summary holds: a bar or a newline in it would start another part of the protocol."""
    summary = " ".join(printable(check.summary).replace("|", "/").split())
    figures = " ".join(_figure(figure) for figure in check.figures)
    line = f"QX_{check.name} {check.level.name} - {summary}"
    return f"{line} | {figures}" if figures else line


def _figure(figure: Figure) -> str:
    label = figure.label.replace("'", "").replace("=", "_")
    value = "U" if figure.value is None else f"{_number(figure.value)}{figure.unit}"
    limits = [_number(limit) for limit in (figure.warning, figure.critical, figure.minimum)]
    return f"'{label}'={value};{';'.join(limits)}".rstrip(";")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
