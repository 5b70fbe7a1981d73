"""`qx config check|show|schema|init`: regions.yaml judged, shown, described and begun."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qx.cli.frame import App
from qx.cli.options import Yes
from qx.cli.shell import Shell
from qx.kernel.errors import QxError, Refused
from qx.kernel.text import plural

if TYPE_CHECKING:
    from qx.config.find import Found
    from qx.config.origin import Setting
    from qx.model.platform import Platform
    from qx.render.paint import Palette

app = App("The file that describes the platform: regions.yaml.")

File = Annotated[str | None, typer.Argument(metavar="[FILE]", help="Instead of the file in force.", show_default=False)]


@app.command()
def check(ctx: typer.Context, file: File = None) -> None:
    """List every error of regions.yaml with its line and column; warn of what will not do what it seems to say."""
    from qx.config.advice import warnings
    from qx.config.load import load_marked
    from qx.config.schedules import demand
    from qx.render.diagnostic import fields, warning

    shell: Shell = ctx.obj
    found = _in_force(shell, file)
    platform, document = load_marked(found.path)
    demand(platform, document, found.path, shell.env)
    counts = _counts(platform)
    text = ", ".join(plural(count, noun.replace("_", " ")) for noun, count in counts.items())
    told = warnings(platform, document)
    answer = {
        "file": str(found.path), "why": found.why, "counts": {f"{noun}s": n for noun, n in counts.items()},
        "warnings": [fields(each) for each in told],
    }  # fmt: skip
    shell.answer(
        "config-check", answer,
        lambda palette, _: "\n\n".join(
            [*(warning(each, palette) for each in told), f"{_named(found)}: no errors; {text}"]
        ),
    )  # fmt: skip


@app.command()
def show(
    ctx: typer.Context,
    file: File = None,
    origin: Annotated[bool, typer.Option("--origin", help="Also where each value comes from.")] = False,
) -> None:
    """Print every value in force, defaults included; secrets as references."""
    from qx.config.load import load_marked
    from qx.config.origin import settings

    shell: Shell = ctx.obj
    found = _in_force(shell, file)
    platform, document = load_marked(found.path)
    listed = list(settings(platform, document))
    answer: dict[str, Any] = {"file": str(found.path), "why": found.why, "platform": platform}
    if origin:
        answer["settings"] = listed
    shell.answer("config", answer, lambda palette, width: _settings(found, listed, origin, palette, width))


@app.command()
def schema(ctx: typer.Context) -> None:
    """Print the JSON Schema of regions.yaml, for editors."""
    from qx.config.schema import schema_of
    from qx.model.platform import Platform
    from qx.render import encode

    shell: Shell = ctx.obj
    described = schema_of(Platform, "regions.yaml")
    shell.answer("config-schema", described, lambda _, __: encode.json_text(described))


@app.command()
def init(
    ctx: typer.Context,
    path: Annotated[Path | None, typer.Argument(help="Where to. [regions.yaml]", show_default=False)] = None,
    yes: Yes = False,
) -> None:
    """Write a commented regions.yaml to begin with."""
    from qx.config.template import template

    shell: Shell = ctx.obj
    target = path or Path(shell.config or "regions.yaml")
    try:
        with target.open("w" if yes else "x", encoding="utf-8") as file:
            file.write(template())
    except FileExistsError as error:
        hint = "name another path, or repeat with --yes to overwrite it"
        raise Refused("QX-CLI-003", f"{target} exists already", hint=hint) from error
    except OSError as error:
        message = f"{target} cannot be written: {error.strerror or error}"
        raise QxError("QX-CFG-009", message, hint="name a path in a directory that exists and is yours") from error
    text = f"{target} written; now `qx config check {target}`"
    shell.answer("config-file", {"file": str(target)}, lambda _, __: text)


def _in_force(shell: Shell, file: str | None) -> Found:
    from qx.config.find import Found, find

    return Found(Path(file), "argument") if file else find(shell.config, shell.env, Path())


def _named(found: Found) -> str:
    return f"{found.path} ({found.why})"


def _counts(platform: Platform) -> dict[str, int]:
    return {
        "region": len(platform.regions),
        "cluster": len(platform.clusters),
        "node": sum(len(cluster.nodes) for cluster in platform.clusters.values()),
        "residency_rule": len(platform.residency),
        "approval": len(platform.approvals),
        "schedule": len(platform.schedules),
    }


def _settings(found: Found, listed: list[Setting], origin: bool, palette: Palette, width: int | None) -> str:
    from qx.config.origin import spelled
    from qx.render.table import Cell, Column, table

    columns = [Column("key"), Column("value", give="wrap"), *([Column("origin")] if origin else [])]
    rows: list[list[Cell | str]] = []
    for one in listed:
        value = Cell(spelled(one.value), "plain" if one.line else "dim")
        where = f"{found.path}:{one.line}:{one.column}" if one.line else one.origin
        rows.append([one.key, value, *([Cell(where, "dim")] if origin else [])])
    return f"{_named(found)}\n{table(columns, rows, width=width, palette=palette)}"
