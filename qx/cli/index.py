"""The command tree's first level, as data: `qx --help`, TAB and a typo are answered from here without an import.

To add a command: write `qx/cli/commands/NAME.py` with an `app` (see CONTRIBUTING.md), and one line here.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    module: str  # its `app` is a `qx.cli.frame.App`
    help: str  # one line, shown by `qx --help`; '' keeps it out of there: it is not for people


INDEX: dict[str, Entry] = {
    "status": Entry("qx.cli.commands.status", "What is true now, and what is wrong."),
    "lag": Entry("qx.cli.commands.lag", "How far every replica is behind."),
    "check": Entry("qx.cli.commands.check", "One line for Nagios and its like, exit 0 to 3."),
    "doctor": Entry("qx.cli.commands.doctor", "Try everything that qx depends on."),
    "failover": Entry("qx.cli.commands.failover", "Move the write role to another region."),
    "failback": Entry("qx.cli.commands.failback", "Return clusters to their home region."),
    "rejoin": Entry("qx.cli.commands.rejoin", "Bring back nodes that do not follow the writer."),
    "apply": Entry("qx.cli.commands.apply", "Run a plan made earlier by --dry-run -o json."),
    "drill": Entry("qx.cli.commands.drill", "Move a writer away and back, and measure it."),
    "schedules": Entry("qx.cli.commands.schedules", "What the daemon does by the clock, and what came of it."),
    "daemon": Entry("qx.cli.commands.daemon", "Watch continuously, and act by policy."),
    "guard": Entry("qx.cli.commands.guard", "Who ends which server with its lease; a cold start."),
    "arm": Entry("qx.cli.commands.arm", "Let the daemon fail a cluster over unasked."),
    "disarm": Entry("qx.cli.commands.disarm", "Take that back."),
    "durability": Entry("qx.cli.commands.durability", "Which standbys a commit waits for."),
    "runs": Entry("qx.cli.commands.runs", "What was executed, and what came of it."),
    "validate": Entry("qx.cli.commands.validate", "Hold a transaction against the rules of a region."),
    "residency": Entry("qx.cli.commands.residency", "Which data may live where."),
    "screen": Entry("qx.cli.commands.screen", "Hold a name, or a file's, against sanctions lists."),
    "lists": Entry("qx.cli.commands.lists", "The sanctions lists themselves: import, list, show."),
    "verify": Entry("qx.cli.commands.verify", "Compute a validation once more: is it the same?"),
    "rules": Entry("qx.cli.commands.rules", "The rules themselves, and whether their tests hold."),
    "waive": Entry("qx.cli.commands.waive", "Ask that a finding need not be heeded for a while."),
    "waivers": Entry("qx.cli.commands.waivers", "What was asked to be waived, and who gave it."),
    "report": Entry("qx.cli.commands.report", "Regulatory summaries of a region, from its record."),
    "risk": Entry("qx.cli.commands.risk", "What a portfolio may lose, by which convention."),
    "maintenance": Entry("qx.cli.commands.maintenance", "Keep everything where it is, for a while."),
    "runbook": Entry("qx.cli.commands.runbook", "Plans written by hand, run by the same engine."),
    "approve": Entry("qx.cli.commands.approve", "Say yes to a plan or a run that waits for it."),
    "alerts": Entry("qx.cli.commands.alerts", "What the daemon told, and whether a channel works."),
    "control": Entry("qx.cli.commands.control", "Which store rules which cluster, under which epoch."),
    "audit": Entry("qx.cli.commands.audit", "Verify the record, or take a copy of it."),
    "lab": Entry("qx.cli.commands.lab", "Real regions on this machine, and what may happen to them."),
    "config": Entry("qx.cli.commands.config", "Check, show, describe or begin regions.yaml."),
    "explain": Entry("qx.cli.commands.explain", "What an error code means and what makes it pass."),
    "node": Entry("qx.cli.commands.node", ""),
    "completion": Entry("qx.cli.commands.completion", "Print the completion script of a shell."),
}
