"""Plan, Step, Action, Refusal: pure data that round-trips through JSON and holds no secret.

Rules: a step belongs to one stage (a cluster, or '' for the whole run). Stages are moved one after the other; in each,
the step with `point_of_no_return` divides the steps that are undone on failure from those that only go forward.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.kernel.canon import digest
from qx.model.asked import Asked, Called
from qx.model.topology import Lag


class _Action(Struct, frozen=True, kw_only=True, tag=True):
    """Base of the closed union: `cluster` and `region` name the node that is acted on."""

    cluster: str
    region: str


class Recheck(_Action, frozen=True, kw_only=True):
    """See again, just before acting, that the world is as planned: `writer` writes, the target streams from it."""

    writer: str | None


class Prepare(_Action, frozen=True, kw_only=True):
    """Make the target ready to be followed: slots for `followers`, quick retry, announced address, restored
    settings.
    """

    followers: tuple[str, ...]
    writer: str | None


class Unprepare(_Action, frozen=True, kw_only=True):
    """The slots that were made are dropped; the announced address stays."""

    followers: tuple[str, ...]


class Checkpoint(_Action, frozen=True, kw_only=True):
    """CHECKPOINT, so that the stop is short."""


class CloseRoute(_Action, frozen=True, kw_only=True):
    """Clients wait at the route; old connections are closed. `region` is the writer's."""


class OpenRoute(_Action, frozen=True, kw_only=True):
    """Clients are sent to `region` under the run's epoch."""


class Fence(_Action, frozen=True, kw_only=True):
    """PostgreSQL, planned: return as a writer made impossible, clean stop, shutdown position proven. Redis: `Pin`."""

    successor: str


class Unfence(_Action, frozen=True, kw_only=True):
    """The old writer writes again."""


class Hold(_Action, frozen=True, kw_only=True):
    """Unplanned: start lock taken, every process of that data directory ended, none left; return as a writer
    made impossible.

    `mode` 'kill': it hangs, and is not asked to stop.
    """

    successor: str
    mode: Literal["clean", "kill"] = "clean"


class Unhold(_Action, frozen=True, kw_only=True):
    """Hold taken back: started as the writer again, if it was one that ran; else only the lock is lifted."""

    start: bool


class Attest(_Action, frozen=True, kw_only=True):
    """A named operator's word that the node cannot write; recorded, nothing is done."""

    by: str
    reason: str


class Proven(_Action, frozen=True, kw_only=True):
    """The fence is on record: given by the controller beside the old writer, or by the end of its lease. Read again."""

    how: Literal["released", "expired"]
    epoch: int


class Freeze(_Action, frozen=True, kw_only=True):
    """The candidate and `others` take in no more WAL, so that their positions stand still and can be compared."""

    others: tuple[str, ...]


class FastForward(_Action, frozen=True, kw_only=True):
    """Where another frozen standby is ahead of the candidate, the candidate fetches from it what it lacks."""


class Unfreeze(_Action, frozen=True, kw_only=True):
    """Every candidate that was frozen follows `upstream` again."""

    upstream: str | None


class Drain(_Action, frozen=True, kw_only=True):
    """The target has replayed the position that the fence proved, same system id and timeline. `writer` is
    the fenced node.
    """

    writer: str


class Bind(_Action, frozen=True, kw_only=True):
    """Durability quorum: once promoted, `region` acknowledges only what `count` of `of` have flushed; recorded first.
    The standbys `compared`, of which the furthest is promoted, must hold all that was ever acknowledged; none in a
    planned move, where the writer is drained instead.
    """

    count: int
    of: tuple[str, ...]
    compared: tuple[str, ...] = ()


class Unbind(_Action, frozen=True, kw_only=True):
    """A target that was not promoted is bound no more: in that way it acknowledged nothing."""

    count: int
    of: tuple[str, ...]


class Narrow(_Action, frozen=True, kw_only=True):
    """Once `count` of `of` have all that `region` has, nobody else can hold what was acknowledged before: the record
    says so, and the setting of `old`, the writer of before, is cleared.
    """

    count: int
    of: tuple[str, ...]
    old: str | None


class Promote(_Action, frozen=True, kw_only=True):
    """PostgreSQL and Redis: the target becomes the writer. INTENDED(promote) is the point of no return."""

    writer: str | None


class Pin(_Action, frozen=True, kw_only=True):
    """Beside the running writer: its lease is taken back, and a restart cannot bring back a writer (PostgreSQL:
    standby.signal; Redis: `replicaof <successor>`, persisted).
    """

    successor: str


class Unpin(_Action, frozen=True, kw_only=True):
    """It may come back as a writer."""


class Settle(_Action, frozen=True, kw_only=True):
    """Redis: wait until `region` is about to acknowledge, so that the handover need not wait for it."""

    writer: str


class Handover(_Action, frozen=True, kw_only=True):
    """Redis: the master at `writer` pauses writes, waits for `region` and hands over (FAILOVER); it is point
    of no return.
    """

    writer: str


class Mark(_Action, frozen=True, kw_only=True):
    """Store id, epoch and writer are written into the cluster itself; CHECKPOINT on the new timeline (PostgreSQL)."""


class Follow(_Action, frozen=True, kw_only=True):
    """A replica follows `upstream`, streaming and on the right timeline."""

    upstream: str


class Return(_Action, frozen=True, kw_only=True):
    """The stopped old writer comes back as a standby of `upstream`: started, streaming, seen by the writer."""

    upstream: str


class Salvage(_Action, frozen=True, kw_only=True):
    """What the node holds beyond the fork is kept before anything is erased; the measured loss is recorded."""

    upstream: str


class Resync(_Action, frozen=True, kw_only=True):
    """The node's data become a copy of the upstream's: follow if nothing diverged, else rewind, else a new clone."""

    upstream: str


class Verify(_Action, frozen=True, kw_only=True):
    """The whole cluster as it should be: one writer, at `region`, under this epoch, everyone in `followers`
    streaming.
    """

    followers: tuple[str, ...]


class Contain(_Action, frozen=True, kw_only=True):
    """A stale writer is stopped and held; the route never goes there."""

    successor: str


Action = (
    Recheck | Prepare | Unprepare | Checkpoint | CloseRoute | OpenRoute | Fence | Unfence | Hold | Unhold | Attest
    | Proven | Freeze | FastForward | Unfreeze | Drain | Bind | Unbind | Narrow | Promote | Pin | Unpin | Settle
    | Handover | Mark | Follow | Return | Salvage
    | Resync | Verify | Contain | Asked
)


class Step(Struct, frozen=True, kw_only=True):
    """One act. `outage`: clients cannot write while it runs. `required=False`: its failure leaves a
    degraded, not a failed run.
    """

    id: str
    stage: str
    action: Action
    because: str
    timeout_s: float
    undo: Action | None = None
    point_of_no_return: bool = False
    outage: bool = False
    required: bool = True
    estimate_s: float = 0.0


class Loss(Struct, frozen=True, kw_only=True):
    """What would be lost: a range, the sample it comes from and its age. None means unknown."""

    bytes_low: int | None
    bytes_high: int | None
    seconds_low: float | None
    seconds_high: float | None
    transactions_low: int | None
    transactions_high: int | None
    sample_at: float | None
    sample_age_s: float | None
    because: str


class GateResult(Struct, frozen=True, kw_only=True):
    """One gate's answer for one cluster. `remedy`: the smallest change that would let it pass."""

    gate: str
    cluster: str
    passed: bool
    because: str
    remedy: str = ""
    consent: str = ""  # the consent that let it pass


class Candidate(Struct, frozen=True, kw_only=True):
    """A region that could take the write role, or why it cannot."""

    region: str
    eligible: bool
    because: str
    position: int | None = None
    lag: Lag | None = None


class Crossing(Struct, frozen=True, kw_only=True):
    """Data of one class that a plan has in another region than their home, and why they may be there."""

    cluster: str  # that holds them
    data_class: str
    source: str  # its home
    to: str  # where they would be written, or copied to
    because: str
    instrument: str = ""  # what carries it: a decision, a list, evidence
    approval: str = ""  # id of the approval on record that carries it
    until: str = ""  # when that ends; '' further notice
    rules: tuple[str, ...] = ()  # of the rule packs, that were asked


class StagePlan(Struct, frozen=True, kw_only=True):
    """What the plan means for one cluster."""

    cluster: str
    kind: str
    source: str | None
    target: str
    mode: Literal["planned", "unplanned", "rejoin", "contain"]
    epoch: int  # the epoch that was in force when planned; the run acts under a higher one
    lineage: str
    budget_s: float  # write outage budget
    estimate_outage_s: float
    loss: Loss | None
    candidates: tuple[Candidate, ...] = ()
    redundancy_after: str = ""


class Consent(Struct, frozen=True, kw_only=True):
    """Spoken consent: what was accepted, by whom, why."""

    accept_loss: str = ""  # size, seconds or 'unknown'
    attest_fenced: tuple[str, ...] = ()  # REGION or CLUSTER/REGION
    override: tuple[str, ...] = ()  # of 'cooldown', 'maintenance', 'calendar', 'risk'
    reason: str = ""
    by: str = ""


class Plan(Struct, frozen=True, kw_only=True, tag_field="schema", tag="qx.plan/1"):
    """`basis` is what it was made from: writers, epochs, lineages, who streams, the configuration's digest."""

    id: str
    intent: Literal["failover", "failback", "drill", "rejoin", "contain", "runbook"]  # drill: and back
    platform: str
    config_file: str
    made_at: float
    by: str
    basis: dict[str, str]  # 'trading.writer' -> 'us-east': compared word by word on apply
    stages: tuple[StagePlan, ...]
    gates: tuple[GateResult, ...]
    steps: tuple[Step, ...]
    not_concerned: dict[str, str] = {}  # cluster -> why
    excepted: tuple[str, ...] = ()
    consent: Consent = Consent()
    runbook: Called | None = None
    crossings: tuple[Crossing, ...] = ()  # all that leave their home, as gate `residency` judged them

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a run of it holds the lease on: its clusters; a runbook's itself, whose moves are runs of their own."""
        if self.runbook is not None:
            return (self.runbook.scope,)
        return tuple(dict.fromkeys(stage.cluster for stage in self.stages))

    @property
    def digest(self) -> str:
        """Identity of the plan, the same before and after JSON (where 5 seconds become 5.0): consents bind to it."""
        import msgspec

        written = msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(self), type=Plan))
        if self.runbook is None:  # so that a plan from before there were runbooks keeps its identity
            del written["runbook"]
        if not self.crossings:  # likewise
            del written["crossings"]
        return digest(written)


class Refusal(Struct, frozen=True, kw_only=True, tag_field="schema", tag="qx.refusal/1"):
    """Why no plan may exist, and the smallest change that would allow one."""

    intent: str
    gates: tuple[GateResult, ...]  # the failing ones first
    candidates: dict[str, tuple[Candidate, ...]] = {}
    not_concerned: dict[str, str] = {}
