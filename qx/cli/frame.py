"""The frame that commands are written in: App for a module, Command and Group for what typer makes of it.

    app = App()                        # one verb: qx status
    @app.command()
    def status(ctx: typer.Context, region: ... = None, watch: Watch = None) -> Exit:
        shell: Shell = ctx.obj

    app = App("The record of runs.")   # a noun: qx runs list, qx runs show
    @app.command("list")

A command returns its Exit (None is DONE; `qx check` and `qx validate` have numbers of their own) and raises QxError;
it never prints and never exits. This module, `qx.cli.run` and `qx.cli.completion` are the only ones that know typer's
private parts; tests/cli/test_startup.py covers them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from qx.cli.index import INDEX, Entry
from qx.cli.options import Universal, shared_flags, spelled, universal_flags
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typer._click.core import Command as AnyCommand
    from typer._click.core import Context, Parameter
    from typer._click.formatting import HelpFormatter
    from typer._click.shell_completion import CompletionItem
    from typer.core import TyperOption

_HOISTED = "qx.hoisted"  # tokens on their way from in front of a sub-command to behind it

F = TypeVar("F", bound="Callable[..., Any]")


class App(typer.Typer):
    """A command module's `app`. With `help` it is a noun with verbs below it, without it is one verb."""

    def __init__(self, help: str = "") -> None:  # noqa: A002 - typer's word
        plain: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "no_args_is_help": True}
        super().__init__(cls=Group, help=help or None, **plain)
        if help:
            self.callback()(_nothing)

    def command(self, name: str | None = None) -> Callable[[F], F]:  # type: ignore[override]  # narrower on purpose
        """Decorator: the function's docstring is the help, its parameters are typer's."""
        return super().command(name, cls=Command)


def _nothing() -> None: ...


def _section(formatter: HelpFormatter, ctx: Context, title: str, params: Iterable[Parameter]) -> None:
    records = [record for param in params if (record := param.get_help_record(ctx))]
    if records:
        with formatter.section(title):
            formatter.write_dl(records)


class Command(TyperCommand):
    """A leaf: adds the universal flags to the command's own and hands them over inside `ctx.obj`."""

    def __init__(self, name: str | None, **attrs: Any) -> None:
        super().__init__(name, **attrs)
        own = {param.name for param in self.params}
        self.universal = [flag for flag in universal_flags() if flag.name not in own]
        self.params.extend(self.universal)

    def invoke(self, ctx: Context) -> Any:
        ctx.obj.flags = Universal(**{name: ctx.params[name] for name in Universal._fields})
        for flag in self.universal:
            del ctx.params[str(flag.name)]
        if ctx.params.get("watch") is not None and ctx.obj.flags.output == "json":
            raise QxError("QX-CLI-001", "-o json is one document, --watch has no end", hint="use -o ndjson")
        return super().invoke(ctx)

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        params = self.get_params(ctx)
        own = [param for param in params if param not in self.universal]
        _section(formatter, ctx, "Arguments", [param for param in own if param.param_type_name == "argument"])
        _section(formatter, ctx, "Options", [param for param in own if param.param_type_name == "option"])
        _section(formatter, ctx, "Options of every command", self.universal)


class Group(TyperGroup):
    """A noun, or the root: takes every shared flag and moves it behind the word that follows."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.shared = shared_flags()
        self.params.extend(self.shared)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        given, rest, _ = self.make_parser(ctx).parse_args(args=list(args))
        by_name: dict[str, TyperOption] = {str(p.name): p for p in self.get_params(ctx)}  # type: ignore[misc]
        shared = {flag.name for flag in self.shared}
        ctx.meta[_HOISTED] = [t for name, raw in given.items() if name in shared for t in spelled(by_name[name], raw)]
        mine = [t for name, raw in given.items() if name not in shared for t in spelled(by_name[name], raw)]
        return super().parse_args(ctx, [*mine, *(["--"] if rest else []), *rest])

    def invoke(self, ctx: Context) -> Any:
        for flag in self.shared:
            ctx.params.pop(str(flag.name), None)
        return super().invoke(ctx)

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        _section(formatter, ctx, "Options", [param for param in self.get_params(ctx) if param not in self.shared])
        _section(formatter, ctx, "Shared options, before or after the command", self.shared)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, AnyCommand | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            hint = did_you_mean(args[0], self.list_commands(ctx))
            raise QxError("QX-CLI-001", f"no such command: {ctx.command_path} {args[0]}", hint=hint)
        return args[0], command, [*ctx.meta[_HOISTED], *args[1:]]


def _shown() -> dict[str, Entry]:
    return {name: entry for name, entry in INDEX.items() if entry.help}


class Root(Group):
    """`qx` itself: its commands come from the index and are imported when they are called."""

    def list_commands(self, ctx: Context) -> list[str]:
        return list(_shown())

    def get_command(self, ctx: Context, cmd_name: str) -> AnyCommand | None:
        if cmd_name not in INDEX:
            return None
        command = typer.main.get_command(import_module(INDEX[cmd_name].module).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in _shown().items()])

    def shell_complete(self, ctx: Context, incomplete: str) -> list[CompletionItem]:
        from typer._click.core import Command as Plain
        from typer._click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return Plain.shell_complete(self, ctx, incomplete)
        return [CompletionItem(name, help=e.help) for name, e in _shown().items() if name.startswith(incomplete)]
