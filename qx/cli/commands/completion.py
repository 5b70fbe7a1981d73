"""`qx completion SHELL`: the script that makes TAB work."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell

app = App()


@app.command()
def completion(
    ctx: typer.Context,
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell to teach.")],
) -> None:
    """Print the completion script of a shell.

    bash: qx completion bash > ~/.local/share/bash-completion/completions/qx

    zsh: qx completion zsh > "${fpath[1]}/_qx"

    fish: qx completion fish > ~/.config/fish/completions/qx.fish
    """
    from qx.cli.completion import script

    out: Shell = ctx.obj
    text = script(shell)
    out.answer("completion", {"shell": shell, "script": text}, lambda _palette, _width: text)
