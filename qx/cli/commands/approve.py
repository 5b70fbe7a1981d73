"""`qx approve RUN`: say yes to what a run waits for; without a run: show what waits."""

from __future__ import annotations

from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.errors import QxError

app = App()


@app.command()
def approve(
    ctx: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="The run that waits; none: show what waits.", show_default=False),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", show_default=False, help="Why: kept with it.")
    ] = "",
) -> None:
    """Approve what a run waits for. Whoever asked for it cannot."""
    from qx.app.runbook import give, waiting
    from qx.app.workbench import Workbench
    from qx.render import encode
    from qx.render.runbook import requests_text

    shell: Shell = ctx.obj
    bench = Workbench(shell.env, shell.config)
    if run is None:
        found, now = waiting(bench), bench.clock.now()
        shell.answer(
            "approval-requests",
            {"requests": encode.builtins(found)},
            lambda palette, width: requests_text(found, now, bench.context, palette, width),
        )
        return
    if not reason.strip():
        raise QxError("QX-CLI-001", "an approval needs a reason", hint="--reason TEXT")
    given = give(bench, run, reason)
    text = "\n".join(f"approved: run {each.run}, step {each.step}, by {each.by}" for each in given)
    shell.answer("approvals", {"approvals": encode.builtins(given)}, lambda _, __: text)
