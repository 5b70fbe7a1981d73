"""`qx schedules`: what the daemon does by the clock, when next, and what came of it last."""

from __future__ import annotations

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell

app = App()


@app.command()
def schedules(ctx: typer.Context) -> None:
    """Drills and runbooks that the daemon begins by the clock: when next, when last, and what came of it."""
    from qx.app.scheduled import listed
    from qx.app.workbench import Workbench
    from qx.render.schedules import schedules_text

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    found, now = listed(bench), bench.clock.now()
    shell.answer(
        "schedules", {"schedules": found},
        lambda palette, width: schedules_text(found, now, bench.context, palette, width),
    )  # fmt: skip
