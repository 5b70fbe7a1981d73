"""Exit codes, from the enum and its comments."""

from __future__ import annotations

from qx.cli.commands.check import check
from qx.failover.checks import Level
from qx.kernel.codes import CODES
from qx.kernel.exits import Exit
from tools.reference.markdown import code, paragraph, plain, table
from tools.reference.sources import comments

HEAD = """\
Every command but `qx check` ends with one of these. A command with several results ends with the worst. With `-o
json` a failure is one document of schema [qx.error/1](documents.md#qxerror1), and its [code](errors.md) says which
exit it has."""
NAGIOS = "A mistake in its own command line is 3 too, never 2. One line of text, with the figures behind a bar."


def body() -> str:
    meanings = comments(Exit)
    used = {exit_: sum(entry.exit is exit_ for entry in CODES.values()) for exit_ in Exit}
    rows = [[code(str(int(e))), e.name.lower(), plain(meanings[e.name]), str(used[e] or "")] for e in Exit]
    levels = [[code(str(int(level))), level.name] for level in Level]
    return "\n\n".join([
        HEAD, table(["exit", "name", "meaning", "error codes"], rows),
        "## qx check", paragraph(check.__doc__ or ""), NAGIOS, table(["exit", "level"], levels),
    ])
