"""Every command of the tree, from the tree itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from typer._click.core import Context

from qx.cli.frame import Command
from qx.cli.index import INDEX
from qx.cli.main import root
from qx.cli.options import shared_flags
from tools.reference.markdown import code, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HIDDEN = {"node": "Started by a control of driver `command` at the server's side, not by people."}
SHARED = """\
These flags may stand before or after the command. Those marked *every* are taken by every command, the others by the
commands that list them; a command that does not know one refuses it."""


class Leaf(NamedTuple):
    """A command that does something: its words after `qx`, and what typer made of it."""

    words: tuple[str, ...]
    command: Any
    ctx: Context


def leaves() -> Iterator[Leaf]:
    """In the order of `qx --help`, then those that it does not show."""
    top = root()
    ctx = Context(top, info_name="qx")
    for name in INDEX:
        command = top.get_command(ctx, name)
        yield from _below((name,), command, Context(command, info_name=name, parent=ctx))  # type: ignore[arg-type]


def _below(words: tuple[str, ...], command: Any, ctx: Context) -> Iterator[Leaf]:
    if not hasattr(command, "list_commands"):
        yield Leaf(words, command, ctx)
        return
    for name in command.list_commands(ctx):
        child = command.get_command(ctx, name)
        yield from _below((*words, name), child, Context(child, info_name=name, parent=ctx))


def body() -> str:
    found = list(leaves())
    blocks = [
        "`qx COMMAND --help` says the same.",
        table(["command", ""], [[f"[`qx {' '.join(leaf.words)}`](#{_anchor(leaf)})", _first(leaf)] for leaf in found]),
        "## Shared flags",
        SHARED,
        _shared(),
    ]
    for leaf in found:
        blocks += [f"## qx {' '.join(leaf.words)}", *_described(leaf)]
    return "\n\n".join(blocks)


def _anchor(leaf: Leaf) -> str:
    return "-".join(("qx", *leaf.words))


def _first(leaf: Leaf) -> str:
    return plain(str(leaf.command.help or "").split("\n\n")[0])


def _described(leaf: Leaf) -> Iterator[str]:
    if leaf.words[0] in HIDDEN:
        yield HIDDEN[leaf.words[0]]
    yield plain(str(leaf.command.help))
    yield f"```usage\nqx {' '.join(leaf.words)} {' '.join(leaf.command.collect_usage_pieces(leaf.ctx))}\n```"
    universal = getattr(leaf.command, "universal", [])
    own = [param for param in leaf.command.params if param not in universal]
    if own:
        yield table(["argument or flag", ""], _records(own, leaf.ctx))


def _shared() -> str:
    ctx = Context(root(), info_name="qx")
    flags = shared_flags()
    every = {flag.name for flag in Command(name="any", callback=lambda: None).universal}
    marks = ["*every*" if flag.name in every else "" for flag in flags]
    return table(["flag", "", ""], [[*row, mark] for row, mark in zip(_records(flags, ctx), marks, strict=True)])


def _records(params: Iterable[Any], ctx: Context) -> list[list[str]]:
    rows = []
    for param in params:
        names, said = param.get_help_record(ctx) or (param.make_metavar(ctx), param.help or "")
        rows.append([code(names), plain(said)])
    return rows
