"""The real command tree, parsed against and never run."""

from __future__ import annotations

import io
import re
import shlex
from typing import TYPE_CHECKING, Any

import typer
from typer._click.exceptions import BadOptionUsage, MissingParameter, NoArgsIsHelpError, UsageError

from qx.cli.main import root
from qx.cli.options import foreseen, with_watch_values
from qx.cli.run import HELP
from qx.cli.shell import Shell
from qx.cli.streams import Streams
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Sequence

VALUES = {  # what stands for a value in the documents -> one that could be typed
    "DURATION": "2h", "SECONDS": "2", "SIZE": "64MiB", "SIZE|SECONDS|unknown": "unknown", "N": "4", "FORM": "json",
    "table|json|ndjson": "json", "SHELL": "bash",
}


def objection(line: str, *, whole: bool) -> str:
    """Why `qx ...` would not be understood; '' when it would. `whole`: nothing may be missing."""
    try:
        words = shlex.split(line)[1:]
    except ValueError as error:
        return str(error)
    return _parsed([VALUES.get(word, re.sub(r"=(SECONDS|DURATION)$", "=2", word)) for word in words], whole=whole)


def _parsed(words: Sequence[str], *, whole: bool) -> str:
    shell = Shell(Streams(io.StringIO(), io.StringIO(), io.StringIO(), {}), foreseen(words))
    command: Any = root()
    try:
        ctx = command.make_context("qx", with_watch_values(words), obj=shell, **HELP)
        while hasattr(command, "resolve_command"):
            left = [*ctx._protected_args, *ctx.args]
            if not left:
                return "" if not whole else "no command"
            name, command, rest = command.resolve_command(ctx, left)
            ctx = command.make_context(name, rest, parent=ctx)
    except (typer.Exit, NoArgsIsHelpError):  # --help, --version; a noun alone, which prints its help
        return ""
    except (MissingParameter, BadOptionUsage) as error:
        return error.format_message() if whole else ""
    except UsageError as error:
        return error.format_message()
    except QxError as error:
        return error.message
    return ""
