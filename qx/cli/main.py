"""The program `qx`: the root of the command tree, and the process's way in and out."""

from __future__ import annotations

import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import typer
from typer.core import TyperOption

from qx.cli.frame import Root
from qx.cli.run import run
from qx.cli.streams import Streams
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from types import FrameType

_HELP = """qx keeps a multi-region platform running: it observes regions, measures replica lag, and moves the write role
between regions and back without a lost write that was not announced."""

_EPILOG = """Exit codes: 0 done, 1 failed, 2 usage, 3 outcome unknown or partial, 4 refused by a gate, 5 timed out while
the run goes on, 6 changes pending, 7 findings, 8 secret or permission missing, 9 lease held by another, 70 bug."""


def root() -> Root:
    """The command tree. Nothing below its first level is imported yet."""
    version = TyperOption(
        param_decls=["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_version,
        help="Print the version.",
    )
    return Root(name="qx", help=_HELP, epilog=_EPILOG, params=[version], no_args_is_help=True, rich_markup_mode=None)


def _version(ctx: typer.Context, _param: object, wanted: object) -> None:
    if wanted and not ctx.resilient_parsing:
        from qx import __version__

        ctx.obj.answer("version", {"version": __version__}, lambda _palette, _width: f"qx {__version__}")
        raise typer.Exit


def main() -> NoReturn:
    """Entry point of the console script."""
    gc.set_threshold(100_000)  # a short life full of imports: collecting cost 60 of 480 ms of `qx status`
    signal.signal(signal.SIGTERM, _terminated)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(run(root(), sys.argv[1:], Streams(sys.stdin, sys.stdout, sys.stderr, os.environ)))


def _terminated(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(Exit.TERMINATED)
