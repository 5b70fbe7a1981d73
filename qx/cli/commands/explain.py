"""`qx explain [CODE]`: the catalogue of error codes, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qx.cli.frame import App
from qx.cli.shell import Shell
from qx.kernel.codes import CODES, Code
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from qx.render.paint import Palette

app = App()


@app.command()
def explain(
    ctx: typer.Context,
    code: Annotated[str | None, typer.Argument(help="QX-CFG-003 or cfg-003; none: list all.")] = None,
) -> None:
    """What an error code means and what makes it pass."""
    shell: Shell = ctx.obj
    if code is None:
        shell.answer("codes", {"codes": [_fields(name, entry) for name, entry in CODES.items()]}, _catalogue)
        return
    name = _known(code)
    shell.answer("code", _fields(name, CODES[name]), lambda palette, width: _page(name, palette, width))


def _known(code: str) -> str:
    name = code.upper().removeprefix("QX-")
    if f"QX-{name}" not in CODES:
        near = did_you_mean(f"QX-{name}", CODES)
        hint = near if near.startswith("did you mean") else "`qx explain` lists all"
        raise QxError("QX-CLI-002", f"no such error code: {code}", hint=hint)
    return f"QX-{name}"


def _fields(name: str, entry: Code) -> dict[str, Any]:
    return {
        "code": name,
        "summary": entry.summary,
        "remedy": entry.remedy,
        "exit": int(entry.exit),
        "exit_name": entry.exit.name.lower(),
        "http": entry.http,
    }


def _catalogue(palette: Palette, width: int | None) -> str:
    from qx.render.table import Cell, Column, table

    columns = [Column("code"), Column("exit", right=True), Column(""), Column("meaning", give="wrap")]
    rows: list[list[Cell | str]] = [
        [Cell(name, "strong"), str(int(entry.exit)), entry.exit.name.lower(), entry.summary]
        for name, entry in CODES.items()
    ]
    return table(columns, rows, width=width, palette=palette)


def _page(name: str, palette: Palette, width: int | None) -> str:
    from qx.render.table import Cell, fields

    entry = CODES[name]
    pairs: list[tuple[str, Cell | str]] = [
        ("code", Cell(name, "strong")),
        ("meaning", entry.summary),
        ("remedy", entry.remedy),
        ("exit", f"{int(entry.exit)} {entry.exit.name.lower()}"),
        ("http", str(entry.http)),
    ]
    return fields(pairs, width=width, palette=palette)
