"""`qx alerts list|ack|test`: what the daemon told, who has seen it, and whether a channel works."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from qx.cli.frame import App
from qx.cli.options import Timeout
from qx.cli.shell import Shell

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.model.alert import Notice

app = App("What the daemon told, and to whom.")


@app.command("list")
def list_alerts(ctx: typer.Context) -> None:
    """Alerts that stand, and notices that could not be delivered."""
    from qx.app.alerting import standing, undelivered
    from qx.render.alerts import alerts_document, alerts_text

    shell: Shell = ctx.obj
    bench = _bench(shell)
    alerts, notices = standing(bench.store), undelivered(bench.store)
    now = bench.clock.now()
    shell.answer(
        "alerts", alerts_document(alerts, notices),
        lambda palette, width: alerts_text(alerts, notices, now, bench.context, palette, width),
    )  # fmt: skip


@app.command("ack")
def ack(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="ALERT", help="Its key, as `qx alerts list` shows it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Who does what about it.")] = "",
) -> None:
    """Say that somebody has seen it: it does not escalate any more."""
    from qx.app.alerting import acknowledge

    shell: Shell = ctx.obj
    bench = _bench(shell)
    heard = acknowledge(bench.store, key, bench.operator, bench.clock.now(), reason)
    shell.answer("alert-ack", heard, lambda _palette, _width: f"{heard.key} acknowledged by {heard.by}")


@app.command("test")
def try_channel(
    ctx: typer.Context,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="A name of notify.channels.")],
    timeout: Timeout = None,
) -> None:
    """Send one notice through a channel, and tell its answer. Exit 1 when it was not taken."""
    from qx.app.notifiers import notifier
    from qx.kernel.spans import format_seconds

    shell: Shell = ctx.obj
    bench = _bench(shell)
    way, notice = notifier(bench, channel), _example(bench)
    began = bench.clock.elapsed()

    async def sent() -> str:
        try:
            return await way.send(notice, float(timeout or bench.platform.notify.timeout))
        finally:
            await way.close()

    answer = asyncio.run(sent())
    took = bench.clock.elapsed() - began
    told = {"channel": channel, "answer": answer, "took_s": took, "notice": notice.id}
    shell.answer("alert-test", told, lambda _p, _w: f"{channel} took it: {answer}, after {format_seconds(took)}")


def _bench(shell: Shell) -> Workbench:
    from qx.app.workbench import Workbench

    return Workbench(shell.env, shell.config)


def _example(bench: Workbench) -> Notice:
    from qx.kernel.ids import sortable_id
    from qx.model.alert import Alert, Happening, Notice, Severity

    now = bench.clock.now()
    alert = Alert(
        key="test", severity=Severity.INFO, title="a test of this channel", because=f"asked for by {bench.operator}",
        regions=(), clusters=(), next="qx alerts list", since=now,
    )  # fmt: skip
    return Notice(id=sortable_id(now, bench.clock.noise()), happening=Happening.TEST, at=now,
                  platform=bench.platform.platform, alert=alert)  # fmt: skip
