"""`qx node --settings FILE`: the far end of a control of driver `command`; started by it, not by people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell

app = App()


@app.command()
def node(
    ctx: typer.Context,
    settings: Annotated[Path, typer.Option("--settings", metavar="FILE", help="The node's own settings.")],
) -> None:
    """Do one request from stdin beside the server, and answer on stdout (docs/how-to/node-control.md)."""
    from qx.adapters.node.agent import serve

    shell: Shell = ctx.obj
    serve(settings, shell.streams.stdin, shell.streams.data)
