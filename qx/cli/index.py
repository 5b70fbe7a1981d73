"""The command tree's first level, as data: `qx --help`, TAB and a typo are answered from here without an import.

To add a command: write `qx/cli/commands/NAME.py` with an `app` (see CONTRIBUTING.md), and one line here.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    module: str  # its `app` is a `qx.cli.frame.App`
    help: str  # one line, shown by `qx --help`


INDEX: dict[str, Entry] = {
    "failover": Entry("qx.cli.commands.failover", "Move the write role to another region."),
    "failback": Entry("qx.cli.commands.failback", "Return clusters to their home region."),
    "rejoin": Entry("qx.cli.commands.rejoin", "Bring back nodes that do not follow the writer."),
    "apply": Entry("qx.cli.commands.apply", "Run a plan made earlier by --dry-run -o json."),
    "lab": Entry("qx.cli.commands.lab", "Real regions on this machine, and what may happen to them."),
    "config": Entry("qx.cli.commands.config", "Check, show, describe or begin regions.yaml."),
    "explain": Entry("qx.cli.commands.explain", "What an error code means and what makes it pass."),
    "completion": Entry("qx.cli.commands.completion", "Print the completion script of a shell."),
}
