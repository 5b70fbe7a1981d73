"""The JSON documents that commands answer with, each with its command, what it says and which keys it has."""

from __future__ import annotations

from pathlib import Path

import qx
from qx.app.durability import Standing
from qx.app.runbook import Listed
from qx.config.origin import Setting
from qx.failover.checks import Check
from qx.failover.trend import Trend
from qx.lab.demo import Demo
from qx.lab.status import LabStatus
from qx.model.alert import Delivery, Heard, Notice, Told
from qx.model.approval import ApprovalRequest, Approved, Waiting
from qx.model.audit import Audit
from qx.model.diagnosis import Diagnosis
from qx.model.evidence import Proof
from qx.model.guarding import Attested, GuardStart, NodeGuard
from qx.model.journal import Entry, Run
from qx.model.lease import Rule
from qx.model.plan import Plan, Refusal
from qx.model.runbook import Runbook
from qx.model.schedules import Appointment
from qx.model.standing import Acknowledgement, Arming, Decided, DrillResult
from qx.render.acts import Act
from qx.render.control import Ruled
from qx.render.lag import Lags
from qx.render.progress import StageResult
from qx.render.status import Status
from tools.reference.document import Document
from tools.reference.lawful import COMPLIANCE
from tools.reference.risky import RISK

PACKAGE = Path(qx.__file__).parent

DOCUMENTS = {
    "status": Document("qx status", "What is true now, of every region or of one.", Status),
    "lag": Document("qx lag", "Every replica and how far it is behind its writer.", Lags),
    "check": Document("qx check", "A check's level, sentence and figures.", Check),
    "doctor": Document("qx doctor", "Every examination with its evidence and what would mend it.", Diagnosis),
    "plan": Document(
        "qx failover, failback, rejoin with --dry-run; qx apply --dry-run; qx failover when there is nothing to do",
        "What would be done, and why it may be. `qx apply` takes this very document.", Plan,
    ),
    "refusal": Document("qx failover, failback, rejoin", "Why no plan may exist, and what would allow one.", Refusal),
    "result": Document(
        "qx failover, failback, rejoin, apply, runs resume", "What a run came to.",
        sources=("qx.cli.moving:answer_run",),
        keys={
            "run": "The run's id.", "plan": "The plan's id.",
            "intent": "`failover`, `failback`, `rejoin` or `contain`.",
            "outcome": "As in qx.run/1.", "exit": "The command's [exit code](exit-codes.md).",
            "clusters": "List of [StageResult](#stageresult): what became of each cluster.",
            "error": "The first error of a run that met one: `code`, `message`, `hint`; else null.",
        },
        also=(StageResult,),
    ),
    "runs": Document(
        "qx runs list", "The latest runs.", sources=("qx.cli.commands.runs:list_runs", "qx.render.runs:run_fields"),
        keys={
            "runs": "List of [Run](#run), each with the next two fields.",
            "standing": "Its outcome; `running` or `orphaned` for one that is open and has, or has not, an executor.",
            "took_s": "Seconds from start to end; null while it is open.",
            "waiting": "What waits for an approval: list of [Waiting](#waiting).",
        },
        also=(Run,),
    ),
    "closed-run": Document("qx runs close", "The run as it stands closed.", Run),
    "run": Document(
        "qx runs show, runs watch", "One run. With `runs watch -o json` the document comes when it has ended.", Run,
        sources=("qx.render.run:run_document", "qx.render.runs:run_fields"),
        keys={
            "standing": "As in qx.runs/1.", "took_s": "As in qx.runs/1.",
            "results": "List of [StageResult](#stageresult).", "acts": "List of [Act](#act): entries paired up.",
            "entries": "List of what qx.entry/1 describes.",
        },
        also=(StageResult, Act),
    ),
    "entry": Document(
        "qx runs watch -o ndjson", "One line of the journal, as it is written.",
        sources=("qx.render.run:entry_fields",),
        keys={
            "run": "The run's id.", "seq": "1, 2, 3... within the run.", "at": "When it was written.",
            "event": "What happened: see [Event](#event).", "step": "The step that it is about, or ''.",
            "outcome": "`DONE`, `FAILED`, `UNKNOWN`, `SKIPPED`, `UNDONE` or null.",
            "epoch": "The epoch that was acted under; 0 where none was.", "proof": "What was seen; never a secret.",
            "error": "`code`, `message`, `hint`; or null.", "previous": "Digest of the entry before it in the store.",
            "digest": "Its own.",
        },
        also=(Entry,),
    ),
    **COMPLIANCE,
    **RISK,
    "alerts": Document(
        "qx alerts list", "What was told and is not over, and what could not be delivered.",
        sources=("qx.render.alerts:alerts_document",),
        keys={
            "alerts": "List of [Told](#told), each with the next field.",
            "acknowledged": "[Heard](#heard): who has seen it; or null.",
            "undelivered": "List of [Delivery](#delivery): notices on their way, and those given up.",
        },
        also=(Told, Heard, Delivery),
    ),
    "alert-ack": Document("qx alerts ack", "Who has seen which alert.", Heard),
    "alert-test": Document(
        "qx alerts test", "What a channel answered.", sources=("qx.cli.commands.alerts:try_channel",),
        keys={
            "channel": "The channel.", "answer": "The other side's own words.", "took_s": "Seconds until it came.",
            "notice": "The notice's id, which stands in it too.",
        },
    ),
    "notice": Document(
        "channels of the drivers `webhook` and `command`", "One message about an alert. A test has the alert `test`.",
        Notice,
    ),
    "schedules": Document(
        "qx schedules", "What the daemon does by the clock, and what came of it last.",
        sources=("qx.cli.commands.schedules:schedules",), keys={"schedules": "List of [Appointment](#appointment)."},
        also=(Appointment,),
    ),
    "runbooks": Document(
        "qx runbook list", "Every runbook, and whether it can be run.",
        sources=("qx.cli.commands.runbook:list_books",), keys={"runbooks": "List of [Listed](#listed)."},
        also=(Listed,),
    ),
    "runbook": Document(
        "qx runbook show", "One runbook: the fields of its file, defaults included.", Runbook,
        sources=("qx.render.runbook:book_document",),
        keys={"file": "Its file.", "why": "How it was found."},
    ),
    "runbook-lint": Document(
        "qx runbook lint", "Runbooks without errors. Errors are qx.error/1.",
        sources=("qx.cli.commands.runbook:lint",), keys={"files": "Those that were read."},
    ),
    "runbook-schema": Document(
        "qx runbook schema", "The JSON Schema of a runbook's file itself; `schema` is added in front.",
    ),
    "approval-requests": Document(
        "qx approve", "What waits for an approval.", sources=("qx.cli.commands.approve:approve",),
        keys={
            "requests": "List of [Waiting](#waiting).",
            "approvals": "Of qx.approvals/1: list of [Approved](#approved).",
            "waiting": "Of qx.approvals/1: list of [Waiting](#waiting).",
        },
        also=(Waiting, ApprovalRequest, Approved),
    ),
    "approvals": Document(
        "qx approve RUN",
        "What was approved just now: `approvals`, and `waiting`: what has to be approved by more, as above.",
    ),
    "control": Document(
        "qx control show", "What this store rules.", sources=("qx.render.control:control_document",),
        keys={
            "store_id": "The store's id, as it stands in every cluster that it rules.", "store": "The store's file.",
            "clusters": "List of [Ruled](#ruled).",
        },
        also=(Ruled,),
    ),
    "durability": Document(
        "qx durability", "Whom commits wait for, and what is left to be done.",
        sources=("qx.render.durability:durability_document",),
        keys={"clusters": "List of [Standing](#standing)."}, also=(Standing,),
    ),
    "adoption": Document("qx control adopt", "What the store now knows of the cluster.", Rule),
    "maintenance": Document(
        "qx maintenance on, off, list", "The windows in force.", sources=("qx.cli.commands.maintenance:_answer",),
        keys={"windows": "List of `scope`, `owner`, `reason`, `since`, `until`."},
    ),
    "drill": Document("qx drill", "What a drill measured, against the cluster's objectives.", DrillResult),
    "drills": Document(
        "qx drill --history", "The drills that are kept, and how they went on.",
        sources=("qx.cli.commands.drill:_history",),
        keys={"drills": "List of [DrillResult](#drillresult), the latest first.",
              "trends": "List of [Trend](#trend), one for each cluster that was drilled."},
        also=(DrillResult, Trend),
    ),
    "guards": Document(
        "qx guard status", "Who binds which server.", sources=("qx.cli.commands.guard:status",),
        keys={"guards": "List of [NodeGuard](#nodeguard), one for each node that has a control.",
              "attested": "List of [Attested](#attested): what no store has heard yet."},
        also=(NodeGuard, Attested),
    ),
    "guard-start": Document("qx guard start", "The writer that was started, and what follows.", GuardStart),
    "arming": Document("qx arm", "Who consented to what, and the drill that proved it.", Arming),
    "disarming": Document(
        "qx disarm", "Whether it was armed.", sources=("qx.cli.commands.disarm:disarm",),
        keys={
            "cluster": "Its name.", "was_armed": "Whether there was anything to take back.",
            "freed": 'The region whose writer had a lease and now runs without one; `""`: none had.',
            "untold": 'Why the guard of the writer could not be told; `""`: it was, or there is none.',
        },
    ),
    "acknowledgement": Document("qx runs ack", "Who has seen which automatic run.", Acknowledgement),
    "ledger": Document(
        "qx runs ledger", "What the daemon decided, the latest first.", sources=("qx.cli.commands.runs:ledger",),
        keys={
            "decided": "List of [Decided](#decided).",
            "would_act": "How often it would have acted, had policy let it.",
            "false_positives": "How often of these the writer came back by itself.",
        },
        also=(Decided,),
    ),
    "watch": Document(
        "qx daemon --once", "Who writes in the end.", sources=("qx.cli.commands.daemon:daemon",),
        keys={"writers": "Cluster -> region, or null.", "without_writer": "Clusters that nobody writes to."},
    ),
    "audit": Document("qx audit verify", "What was verified, and every break.", Audit),
    "audit-proof": Document(
        "qx audit verify --id", "That one validation is in the record of its region: row, block, checkpoint.", Proof,
    ),
    "audit-export": Document(
        "qx audit export", "The record. As a file it is NDJSON: a header with `schema`, then one line per entry.",
        sources=("qx.cli.commands.audit:export",),
        keys={
            "store_id": "Whose record it is.", "run": "The one run, or null for the whole store.",
            "count": "How many entries.", "head": "Digest of the last one.", "file": "Where it was written to.",
            "entries": "With `-o json` to standard output: the entries themselves.",
        },
    ),
    "config": Document(
        "qx config show", "The configuration in force.", sources=("qx.cli.commands.config:show",),
        keys={
            "file": "The file in force.", "why": "How it was found.",
            "platform": "As [regions.yaml](regions-yaml.md) has it, defaults included.",
            "settings": "With `--origin`: list of [Setting](#setting).",
        },
        also=(Setting,),
    ),
    "config-check": Document(
        "qx config check", "A file without errors. One with errors is qx.error/1.",
        sources=("qx.cli.commands.config:check",),
        keys={
            "file": "The file.", "why": "How it was found.", "counts": "How many of what it describes.",
            "warnings": "What will not do what it seems to say: `code`, `message`, `hint`, `place` of each.",
        },
    ),
    "config-schema": Document(
        "qx config schema", "The JSON Schema of regions.yaml itself; `schema` is added in front.",
    ),
    "config-file": Document(
        "qx config init", "The file that was written.", sources=("qx.cli.commands.config:init",),
        keys={"file": "Its path."},
    ),
    "lab": Document("qx lab up, status, fault", "The lab's servers, routes and broken links.", LabStatus),
    "lab-down": Document(
        "qx lab down", "What was removed.", sources=("qx.cli.commands.lab:down",),
        keys={"directory": "The lab's directory.", "removed": "False when there was none."},
    ),
    "demo": Document("qx lab demo", "What the clients of the demo measured.", Demo),
    "codes": Document(
        "qx explain", "The catalogue of error codes.", sources=("qx.cli.commands.explain:explain",),
        keys={"codes": "List of what qx.code/1 describes."},
    ),
    "code": Document(
        "qx explain CODE", "One error code.", sources=("qx.cli.commands.explain:_fields",),
        keys={
            "code": "The code.", "summary": "What it means.", "remedy": "What usually makes it pass.",
            "exit": "Its exit code.", "exit_name": "The exit code's name.", "http": "Its HTTP status.",
        },
    ),
    "completion": Document(
        "qx completion", "A shell's completion script.", sources=("qx.cli.commands.completion:completion",),
        keys={"shell": "The shell.", "script": "The script."},
    ),
    "version": Document(
        "qx --version", "The version.", sources=("qx.cli.main:_version",), keys={"version": "As the package has it."},
    ),
    "error": Document(
        "every command", "What went wrong. Several errors of one input stand in `errors` as well.",
        sources=("qx.render.diagnostic:document", "qx.render.diagnostic:fields"),
        keys={
            "schema": "`qx.error/1`.", "error": "The first one: `code`, `message`, `hint`, `place`.",
            "errors": "Where there are several: all of them, each of these fields.",
            "code": "Of the [catalogue](errors.md).", "message": "What, and where.",
            "hint": "What would make it pass, or ''.", "place": "Where in a file: the next three; or null.",
            "file": "Of the place.", "line": "Of the place, from 1; 0 when not known.",
            "column": "Of the place, likewise.",
        },
    ),
    "salvage": Document(
        "a rejoin's salvage directory, as manifest.json", "What was kept of a node before it was erased.",
        sources=("qx.adapters.node.salvage:_salvage", "qx.adapters.node.salvage:_summary"),
        keys={
            "schema": "`qx.salvage/1`.", "node": "Cluster and region.",
            "diverged": "True when the node held what the new writer never had; null when it cannot tell (Redis).",
            "fork": "The WAL position where the new timeline left the old one, in bytes.",
            "timeline": "The old timeline.",
            "tables": "Per table: its CSV of rows that lost transactions wrote, and how many.",
            "files": "Every file that was kept: `path`, `bytes`, `sha256`.",
            "notes": "What could not be kept, and why.", "into": "The directory.",
            "commits": "Transactions beyond the fork; null when it cannot be told.",
            "bytes": "WAL beyond the fork.", "end": "Where the node's WAL ends, in bytes.",
            "relations": "What they changed: WAL records per relation.",
            "first_commit": "When the first of them was committed.", "last_commit": "When the last of them was.",
        },
    ),
}
