"""The JSON documents of what judges transactions, names and data: qx validate, screen, residency, rules, report."""

from __future__ import annotations

from qx.compliance.difference import Difference, Flip, Turn, Unread, Why
from qx.model.batch import Batch, Duplicates, Reject, RuleCount, Statuses, Worst
from qx.model.candidate import Alteration, Reviewed, Submission
from qx.model.conflict import Binding, Comparison, Conflict, UnderRegion
from qx.model.evidence import Note
from qx.model.report import (
    ComplianceReport,
    Counts,
    Decision,
    Leave,
    ListsInUse,
    Obligated,
    PackInUse,
    RecordState,
    RuleFired,
    Span,
)
from qx.model.residency import Cell, Checked, Matrix, MatrixTable, Place, Said
from qx.model.retention import Regime, Retention
from qx.model.rules import Citation
from qx.model.sanctions import Cleared
from qx.model.screening import Left, Likeness, ListUsed, NameScreened, Pairing, Screening
from qx.model.stream import Tally
from qx.model.validation import Change, Due, Finding, PackUsed, Used, Validation
from qx.model.verification import Verification
from qx.model.waiver import Waiver
from qx.render.rules import Failed, Line
from qx.render.screening import Taken
from tools.reference.document import Document

COMPLIANCE = {
    "batch": Document(
        "qx validate", "What a file of transactions came to as a whole; camelCase, as a validation is.", Batch,
        also=(Statuses, RuleCount, Worst, Duplicates, PackUsed, Reject),
    ),
    "validation": Document(
        "qx validate", "The whole answer on one transaction. Its keys are camelCase, as a transaction's are.",
        Validation, also=(Finding, Citation, Used, Change, Due, PackUsed),
    ),
    "screening": Document(
        "qx screen", "Names held against lists: matches and near misses with why, and whether anybody may be cleared.",
        Screening, also=(NameScreened, Likeness, Pairing, Left, ListUsed),
    ),
    "lists": Document(
        "qx lists list", "The sanctions lists in use.", sources=("qx.cli.commands.lists:list_",),
        keys={"held_in": "Where they are held, or that those that are shipped serve.",
              "lists": "List of [ListUsed](#listused)."}, also=(ListUsed,),
    ),
    "lists-import": Document(
        "qx lists import", "The lists that came in.", sources=("qx.cli.commands.lists:import_",),
        keys={"lists": "List of [Taken](#taken)."}, also=(Taken,),
    ),
    "list-entries": Document(
        "qx lists show", "The entries with that uid.", sources=("qx.cli.commands.lists:show",),
        keys={"entries": "Each with `source`, the list, and `entry`, as it is stored."},
    ),
    "lists-cleared": Document(
        "qx lists cleared", "Matches that were found to be somebody else.", sources=("qx.cli.commands.lists:cleared",),
        keys={"cleared": "List of [Cleared](#cleared)."}, also=(Cleared,),
    ),
    "streamed": Document("qx validate --stream", "What one worker of a stream did until it was stopped.", Tally),
    "residency": Document(
        "qx residency check", "May data of a class leave one place for another, and what that rests on.", Checked,
        also=(Place, Said, Citation),
    ),
    "residency-matrix": Document(
        "qx residency matrix", "From every jurisdiction to every other, with no evidence named.", Matrix,
        also=(MatrixTable, Cell),
    ),
    "retention": Document(
        "qx residency retention", "How long data must be kept, and who has them deleted sooner.", Retention,
        also=(Regime, Citation),
    ),
    "verification": Document(
        "qx verify", "A validation computed once more, and where it does not come out the same.", Verification,
    ),
    "rules": Document(
        "qx rules list", "The rules, those of the global pack first.", sources=("qx.cli.commands.rules:list_",),
        keys={"rules": "List of [Line](#line)."}, also=(Line,),
    ),
    "rule": Document(
        "qx rules show", "One rule, as it stands in its pack.", sources=("qx.cli.commands.rules:show",),
        keys={
            "pack": "The pack's name.", "version": "Its version.", "rule": "The rule, with the keys of the file.",
            "params": "The parameters that it speaks of, by name, with the keys of the file.",
        },
    ),
    "rules-lint": Document(
        "qx rules lint", "Packs without errors. Errors are qx.error/1.", sources=("qx.cli.commands.rules:lint",),
        keys={"packs": "List of `pack`, `version` and `rules`, the number of its rules."},
    ),
    "rules-test": Document(
        "qx rules test", "What came of the tests inside the rules.", sources=("qx.cli.commands.rules:run_tests",),
        keys={"tests": "How many there are.", "failures": "List of [Failed](#failed)."}, also=(Failed,),
    ),
    "conflict": Document(
        "qx validate --region all", "One transaction under the rules of every region. Its keys are camelCase.",
        Comparison, also=(UnderRegion, Binding, Conflict),
    ),
    "rules-diff": Document(
        "qx rules diff", "What turns between two instants: of the rules, and of the answers on given transactions.",
        Difference, also=(Turn, Flip, Why, Unread),
    ),
    "candidates": Document(
        "qx rules review list; qx rules watch --once", "What was sent for review.",
        sources=("qx.cli.commands.rules_review:list_",), keys={"candidates": "List of [Submission](#submission)."},
        also=(Submission,),
    ),
    "candidate": Document(
        "qx rules watch -o ndjson, rules review reject; the answer of the webhook", "One of them.", Submission,
    ),
    "reviewed": Document(
        "qx rules review show, review accept", "One of them beside what is in force.", Reviewed, also=(Alteration,),
    ),
    "waiver": Document("qx waive; qx waivers show, approve, refuse, revoke", "One override or waiver.", Waiver),
    "waivers": Document(
        "qx waivers list", "Overrides and waivers, in the order in which they were asked for.",
        sources=("qx.cli.commands.waivers:list_",), keys={"waivers": "List of [Waiver](#waiver)."}, also=(Waiver,),
    ),
    "compliance-report": Document(
        "qx report compliance", "The regulatory summary of a region. `since` and `until` are instants.",
        ComplianceReport,
        also=(Counts, Span, RuleFired, Obligated, Leave, Decision, PackInUse, ListsInUse, RecordState),
    ),
    "fulfilled": Document("qx report fulfilled", "The note that was kept.", Note),
}
