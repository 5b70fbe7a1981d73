"""Alerts that stand, and notices that nobody took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.kernel.spans import format_seconds
from qx.kernel.text import plural
from qx.model.alert import Severity
from qx.render import encode
from qx.render.moment import moment
from qx.render.paint import PLAIN, Palette, Tone, printable
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qx.model.alert import Delivery, Heard, Told

_TONES: dict[Severity, Tone] = {Severity.INFO: "plain", Severity.WARNING: "warn", Severity.CRITICAL: "bad"}

Standing = tuple["Told", "Heard | None"]


def alerts_document(alerts: Sequence[Standing], notices: Sequence[Delivery]) -> dict[str, Any]:
    """The fields of a `qx.alerts/1`."""
    told = [{**encode.builtins(each), "acknowledged": encode.builtins(heard)} for each, heard in alerts]
    return {"alerts": told, "undelivered": encode.builtins(notices)}


def alerts_text(
    alerts: Sequence[Standing], notices: Sequence[Delivery], now: float, context: str, palette: Palette = PLAIN,
    width: int | None = None,
) -> str:
    lines = [context]
    if alerts:
        columns: list[Column | str] = ["alert", "severity", Column("for", right=True), Column("what", give="wrap"),
                   Column("told", give="wrap"), Column("seen by", give="wrap")]  # fmt: skip
        ranked = sorted(alerts, key=lambda each: (-each[0].alert.severity.rank, each[0].alert.since))
        lines.append(table(columns, [_row(told, heard, now) for told, heard in ranked], width=width, palette=palette))
        lines += [f"next, for {told.alert.key}: {told.alert.next}" for told, _ in ranked if told.alert.next]
    else:
        lines.append("no alert stands")
    return "\n".join([*lines, *_undelivered(notices, palette)])


def _row(told: Told, heard: Heard | None, now: float) -> list[Cell | str]:
    alert = told.alert
    return [
        alert.key, Cell(alert.severity.value, _TONES[alert.severity]), format_seconds(max(0.0, now - alert.since)),
        printable(f"{alert.title}\n{alert.because}"), ", ".join(told.channels) or "nobody",
        f"{heard.by}{f': {heard.reason}' if heard.reason else ''}" if heard else Cell("nobody", "dim"),
    ]  # fmt: skip


def _undelivered(notices: Sequence[Delivery], palette: Palette) -> Iterator[str]:
    lost = [each for each in notices if each.gave_up]
    under_way = len(notices) - len(lost)
    if under_way:
        yield palette.paint(f"{plural(under_way, 'notice')} on the way", "warn")
    for each in lost:
        what = f"{each.notice.happening} {each.notice.alert.key} of {moment(each.notice.at)}"
        yield palette.paint("not delivered", "bad") + printable(f": {what} through {each.channel}: {each.error}")
