"""The catalogue of error codes: code -> exit, HTTP status, summary. `qx explain CODE` tells the rest.

A code is never reused and never changes its meaning. Families: CFG configuration, OBS observation, PLAN planning
and gates, RUN execution, EXPR expressions, BOOK runbooks, STORE lease and journal, NODE control of servers,
ROUTE client routing, SEC secrets,
ALERT notices, TXN transactions, LAB local regions, CLI usage.
"""

from __future__ import annotations

from typing import NamedTuple

from qx.kernel.exits import Exit


class Code(NamedTuple):
    exit: Exit
    http: int
    summary: str
    remedy: str  # what usually makes it pass, in a sentence or two


CODES: dict[str, Code] = {
    # -- CLI ---------------------------------------------------------------------------------------
    "QX-CLI-001": Code(Exit.USAGE, 400, "the command line cannot be understood", "Read `qx COMMAND --help`."),
    "QX-CLI-002": Code(Exit.USAGE, 404, "no such error code", "List all with `qx explain`."),
    "QX-CLI-003": Code(Exit.REFUSED, 409, "consent is missing",
                       "Repeat with `--yes`, or `--confirm REGION` where the plan asks for the region by name."),
    "QX-CLI-070": Code(Exit.BUG, 500, "a bug in qx", "Report it with the trace that was printed."),
    "QX-CLI-130": Code(Exit.INTERRUPTED, 499, "interrupted by Ctrl-C",
                       "Repeat it; a run that had begun stands in `qx runs list` and can be resumed."),
    "QX-CLI-143": Code(Exit.TERMINATED, 503, "ended by SIGTERM",
                       "Repeat it; a run that had begun stands in `qx runs list` and can be resumed."),
    # -- configuration -----------------------------------------------------------------------------
    "QX-CFG-001": Code(Exit.USAGE, 400, "the configuration file cannot be read",
                       "Name it with --config or QX_CONFIG; `qx config init` writes a commented one."),
    "QX-CFG-002": Code(Exit.USAGE, 400, "the file is not valid YAML", "Mend the line that the error names."),
    "QX-CFG-003": Code(Exit.USAGE, 400, "a key is not known here", "Use the name that the hint suggests."),
    "QX-CFG-004": Code(Exit.USAGE, 400, "a value has the wrong type or form", "`qx config schema` shows what is wanted."),
    "QX-CFG-005": Code(Exit.USAGE, 400, "a required key is missing", "Add it; `qx config schema` describes it."),
    "QX-CFG-006": Code(Exit.USAGE, 400, "a name refers to nothing",
                       "Use one of the names that the file defines; the hint lists them."),
    "QX-CFG-007": Code(Exit.USAGE, 400, "the same key stands twice", "Remove one of the two."),
    "QX-CFG-008": Code(Exit.USAGE, 400, "the configuration contradicts itself", "Change one of the two places named."),
    "QX-CFG-009": Code(Exit.FAILED, 500, "the configuration file cannot be written", "Name a path that you may write to."),
    "QX-CFG-010": Code(Exit.DONE, 200, "a setting will not do what it seems to say",
                       "A warning: nothing is refused because of it. The hint says which values go together."),
    # -- secrets -----------------------------------------------------------------------------------
    "QX-SEC-001": Code(Exit.AUTH, 401, "a secret cannot be resolved",
                       "Set the variable, the file or the command that the reference names."),
    "QX-SEC-002": Code(Exit.AUTH, 403, "a secret's file can be read by others", "chmod 600 it."),
    "QX-SEC-003": Code(Exit.AUTH, 401, "a signing key cannot be used",
                       "Name an Ed25519 private key with --key or QX_APPROVAL_KEY; `ssh-keygen -t ed25519 -f FILE` makes one."),
    # -- observation -------------------------------------------------------------------------------
    "QX-OBS-001": Code(Exit.USAGE, 404, "no such region", "Use a region key or alias of regions.yaml."),
    "QX-OBS-002": Code(Exit.USAGE, 404, "no such cluster", "Use a cluster name of regions.yaml."),
    "QX-OBS-003": Code(Exit.FAILED, 503, "nothing answered", "Check the network and `qx doctor`."),
    "QX-OBS-004": Code(Exit.FAILED, 500, "the metrics cannot be served", "Choose another `watch.metrics.listen`."),
    # -- planning and gates ------------------------------------------------------------------------
    "QX-PLAN-001": Code(Exit.REFUSED, 409, "a gate refuses the plan",
                        "The refusal names each gate and the smallest change that would let it pass."),
    "QX-PLAN-002": Code(Exit.REFUSED, 409, "the plan is stale", "Plan again: the world has moved, see the difference."),
    "QX-PLAN-003": Code(Exit.REFUSED, 409, "the plan was applied already", "A plan applies once. Plan again."),
    "QX-PLAN-004": Code(Exit.REFUSED, 409, "writers stand in several regions", "Say which with --from REGION."),
    "QX-PLAN-005": Code(Exit.USAGE, 400, "the plan cannot be read", "Pass the file that `--dry-run -o json` wrote."),
    "QX-PLAN-006": Code(Exit.USAGE, 400, "nothing is concerned",
                        "Name a region that holds a node of a cluster (`qx status` lists them)."),
    "QX-PLAN-007": Code(Exit.REFUSED, 409, "the cluster cannot be armed",
                        "The message lists what is missing; `qx drill --cluster CLUSTER` is the proof that it can move."),
    "QX-PLAN-008": Code(Exit.REFUSED, 409, "a Redis Cluster moves its own masters",
                        "`redis-cli CLUSTER FAILOVER` at a replica of each shard; qx only observes it."),
    "QX-PLAN-009": Code(Exit.REFUSED, 403, "the plan has too few approvals",
                        "Others approve it: `qx approve PLAN --reason TEXT`; then `qx apply PLAN`. The message says whose do not count."),
    # -- execution ---------------------------------------------------------------------------------
    "QX-RUN-002": Code(Exit.UNKNOWN, 500, "a step's outcome is unknown",
                       "`qx runs resume RUN` observes it again and goes on."),
    "QX-RUN-004": Code(Exit.USAGE, 404, "no such run", "`qx runs list` shows them."),
    "QX-RUN-005": Code(Exit.FAILED, 500, "the proof of a fence is missing",
                       "The old writer could not be shown to be stopped; see the step."),
    "QX-RUN-006": Code(Exit.FAILED, 500, "the target did not replay the writer's last position",
                       "Its link is slow or cut: `qx lag`. The old writer writes again."),
    "QX-RUN-007": Code(Exit.FAILED, 500, "a step ran out of time", "See `qx runs show RUN`; raise the step's timeout only knowingly."),
    "QX-RUN-009": Code(Exit.REFUSED, 409, "the run has ended", "Nothing is left to resume."),
    "QX-RUN-010": Code(Exit.TIMEOUT, 504, "the waiting ended, the run goes on", "`qx runs watch RUN`."),
    "QX-RUN-011": Code(Exit.REFUSED, 409, "an unended run stands in the way",
                       "It may have promoted another node: `qx runs resume RUN` first, or attest that this node is off."),
    # -- expressions -------------------------------------------------------------------------------
    "QX-EXPR-001": Code(Exit.USAGE, 400, "an expression cannot be read", "Mend it at the line and column named."),
    "QX-EXPR-002": Code(Exit.FAILED, 500, "an expression cannot be evaluated", "Its types do not go together: mend it."),
    # -- runbooks ----------------------------------------------------------------------------------
    "QX-BOOK-001": Code(Exit.USAGE, 404, "no such runbook", "`qx runbook list` shows them."),
    "QX-BOOK-002": Code(Exit.USAGE, 400, "an input of the runbook is missing or wrong",
                        "`qx runbook show NAME` describes its inputs; give one with --input NAME=VALUE."),
    "QX-BOOK-003": Code(Exit.FAILED, 409, "nobody approved in time", "Run it again; a person says `qx approve RUN` meanwhile."),
    "QX-BOOK-004": Code(Exit.REFUSED, 403, "the approval is not yours to give", "Somebody else than the requester approves."),
    "QX-BOOK-005": Code(Exit.FAILED, 504, "what was waited for did not come true", "The message says what was seen last."),
    "QX-BOOK-006": Code(Exit.FAILED, 409, "a step's result is not what was expected", "The message says what was found."),
    "QX-BOOK-007": Code(Exit.REFUSED, 403, "the step may not do that", "The message says what would be allowed."),
    "QX-BOOK-008": Code(Exit.FAILED, 500, "a move that the runbook asked for failed", "`qx runs show RUN` of the run that it names."),
    "QX-BOOK-009": Code(Exit.USAGE, 404, "nothing waits for an approval", "`qx runs list` shows what is under way."),
    "QX-BOOK-010": Code(Exit.FAILED, 503, "a call or a program could not be made", "The message says why; try it by hand."),
    "QX-RUN-013": Code(Exit.REFUSED, 409, "the run cannot be closed",
                       "`qx runs resume RUN`: it is finished, or undone, before it is over."),
    "QX-RUN-012": Code(Exit.UNKNOWN, 500, "a drill did not come back",
                       "`qx status` tells where the writer stands; `qx failover` takes it home."),
    # -- store -------------------------------------------------------------------------------------
    "QX-STORE-001": Code(Exit.LEASE, 409, "the lease is held by another", "Wait for that run, or `qx runs show` it."),
    "QX-STORE-002": Code(Exit.LEASE, 409, "the lease was lost", "Another run took over; this one stops."),
    "QX-STORE-003": Code(Exit.LEASE, 409, "the cluster belongs to another store",
                         "`qx control adopt CLUSTER --reason TEXT` takes it over, knowingly."),
    "QX-STORE-004": Code(Exit.FAILED, 500, "the journal's chain is broken", "Somebody changed it: compare with an export."),
    "QX-STORE-005": Code(Exit.FAILED, 500, "the store cannot be opened or written",
                         "Check the path, its rights and the space on its disk; the hint names what holds it."),
    "QX-STORE-006": Code(Exit.LEASE, 409, "a higher epoch was seen",
                         "Another controller acted since: `qx control show`, then adopt or resume there."),
    "QX-STORE-007": Code(Exit.USAGE, 400, "the file of an audit export cannot be read or written",
                         "Name a file that `qx audit export` wrote; to export, a name that is free."),
    "QX-STORE-008": Code(Exit.LEASE, 409, "somebody else changed it meanwhile", "Look again, then repeat it."),
    # -- control of servers ------------------------------------------------------------------------
    "QX-NODE-001": Code(Exit.FAILED, 503, "the node's control is unreachable",
                        "Check the control driver's address; without it only an attestation can prove a fence."),
    "QX-NODE-002": Code(Exit.LEASE, 409, "the node refused a lower epoch", "A newer run holds the node."),
    "QX-NODE-003": Code(Exit.FAILED, 500, "the server did not stop", "See its log; the run was undone or waits."),
    "QX-NODE-004": Code(Exit.FAILED, 500, "the server did not start", "The last lines of its log stand in the message."),
    "QX-NODE-005": Code(Exit.FAILED, 500, "the node's control program failed", "Run its argv by hand; stderr stands in the message."),
    "QX-NODE-006": Code(Exit.FAILED, 500, "the data directory is not what was expected",
                        "Compare system id and timeline with `qx status`."),
    "QX-NODE-007": Code(Exit.FAILED, 500, "the server refused the command", "The server's own words stand in the message."),
    "QX-NODE-008": Code(Exit.FAILED, 500, "the node did not join as a replica",
                        "It runs, but the writer does not see it stream; see its log."),
    "QX-NODE-009": Code(Exit.FAILED, 500, "the salvage failed", "Nothing was erased. Free space or mend what the message names."),
    "QX-NODE-010": Code(Exit.FAILED, 503, "another verb is at work on the node",
                        "Wait for it; a higher epoch (`qx runs resume`) ends one that hangs."),
    "QX-NODE-011": Code(Exit.FAILED, 409, "no guard binds the server to that deadline",
                        "Start it through qx with `guard: true`; one whose time is over is ended by its guard."),
    "QX-NODE-012": Code(Exit.REFUSED, 409, "this server may not be started as the writer now",
                        "The message says what stands against it. Where nothing else runs: `qx guard start CLUSTER --region REGION --reason TEXT`."),
    # -- routes ------------------------------------------------------------------------------------
    "QX-ROUTE-001": Code(Exit.FAILED, 503, "the route cannot be changed", "Check the route driver's address or path."),
    # -- alerts ------------------------------------------------------------------------------------
    "QX-ALERT-001": Code(Exit.FAILED, 502, "a notice could not be delivered",
                         "Check the channel's address and its server; the daemon tries again until `notify.give_up`."),
    "QX-ALERT-002": Code(Exit.FAILED, 502, "the channel refused the notice",
                         "Mend what the message names; `qx alerts test CHANNEL` tries again."),
    "QX-ALERT-003": Code(Exit.USAGE, 404, "no such channel", "Use a name of notify.channels in regions.yaml."),
    "QX-ALERT-004": Code(Exit.USAGE, 404, "no such alert", "`qx alerts list` shows those that stand."),
    # -- transactions ------------------------------------------------------------------------------
    "QX-TXN-001": Code(Exit.USAGE, 400, "this is no transaction", "One JSON object in UTF-8; the message names the place."),
    "QX-TXN-002": Code(Exit.USAGE, 400, "a field of the transaction is not known",
                       "Use the name that the hint suggests; `--lenient` passes over fields that are not known."),
    "QX-TXN-003": Code(Exit.USAGE, 404, "no such rule", "`qx rules list` shows every rule."),
    # -- local regions -----------------------------------------------------------------------------
    "QX-LAB-001": Code(Exit.FAILED, 500, "the servers for the lab are not installed", "pip install 'qx[lab]'"),
    "QX-LAB-002": Code(Exit.FAILED, 500, "a lab is running already", "`qx lab down`, or use the one that runs."),
    "QX-LAB-003": Code(Exit.USAGE, 404, "no lab is running", "`qx lab up` starts one."),
    "QX-LAB-004": Code(Exit.FAILED, 500, "a lab server did not start", "Its log's last lines stand in the message."),
    "QX-LAB-005": Code(Exit.FAILED, 500, "no way to run PostgreSQL without root rights",
                       "Allow user namespaces, or create an unprivileged account."),
    "QX-LAB-006": Code(Exit.FAILED, 500, "the fault cannot be injected here", "The message says what is missing."),
    "QX-LAB-008": Code(Exit.FAILED, 500, "the demo saw what must not be", "The message says what; the lab was ended."),
    "QX-LAB-007": Code(Exit.USAGE, 409, "the directory is not a lab's", "Name an empty or a new one with --dir."),
}
