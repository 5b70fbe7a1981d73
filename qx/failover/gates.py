"""Every gate: a named predicate on one cluster's move, with its reason and the smallest change that would
let it pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.approving import eligible, wanted_for
from qx.failover.calendar import window_against
from qx.failover.fitness import capacity, health
from qx.failover.forwarding import ahead
from qx.failover.move import no, yes
from qx.failover.quorum_gate import durability
from qx.failover.residency import permits
from qx.failover.risk_gate import risk
from qx.failover.situation import lineage, position
from qx.kernel.spans import Bytes, Seconds, format_bytes, format_seconds, parse_bytes, parse_seconds
from qx.kernel.text import plural
from qx.model.observation import PgFacts, RedisFacts

if TYPE_CHECKING:
    from qx.failover.move import Move
    from qx.failover.situation import Situation
    from qx.model.plan import GateResult, Loss

NO_CONTROL = "no control is configured"


def residency(at: Situation, move: Move) -> GateResult:
    """Every data class of the cluster may live in the target region: by the rule packs, by the matrix of regions.yaml,
    or by an approval on record.
    """
    home, found = at.platform.clusters[move.cluster].home, permits(at, move.cluster, move.target)
    for each in found:
        if not each.allowed:
            return no(
                "residency",
                move,
                f"{each.data_class} of {home} may not live in {move.target}: {each.because}",
                f"record an approval for {each.data_class} from {home} to {move.target} in regions.yaml",
            )
    return yes("residency", move, "; ".join(f"{each.data_class}: {each.because}{_ends(each.until)}" for each in found))


def _ends(until: str) -> str:
    return f", until {until}" if until else ""


def maintenance(at: Situation, move: Move) -> GateResult:
    """No maintenance of the cluster, of either region or of everything is in force, or it is overridden."""
    scopes = {"*", move.cluster, move.target, move.source}
    for window in at.maintenance:
        if window.scope in scopes and window.since <= at.now < window.until:
            because = (
                f"maintenance of {window.scope} by {window.owner} ({window.reason})"
                f" for another {format_seconds(window.until - at.now)}"
            )
            if "maintenance" in at.consent.override:
                return yes("maintenance", move, because, consent=f"override: {at.consent.reason}")
            return no(
                "maintenance",
                move,
                because,
                f"qx maintenance off {window.scope}, or --override maintenance --reason TEXT",
            )
    return yes("maintenance", move, "none is declared")


def calendar(at: Situation, move: Move) -> GateResult:
    """No window of the calendar holds it up: a planned move none at all, an unplanned one only those that say so."""
    against = window_against(at.platform.watch.windows, move.cluster, at.now, planned=move.mode == "planned")
    if not against:
        return yes("calendar", move, "no window holds it up")
    if "calendar" in at.consent.override:
        return yes("calendar", move, against, consent=f"override: {at.consent.reason}")
    return no("calendar", move, against, "wait for its end, or --override calendar --reason TEXT")


def cooldown(at: Situation, move: Move) -> GateResult:
    """The cluster's last move is longer ago than defaults.cooldown, or that is overridden."""
    rule = at.rules.get(move.cluster)
    wait = at.platform.defaults.cooldown
    if rule is None or rule.moved_at is None or at.now - rule.moved_at >= wait:
        return yes("cooldown", move, "no move within " + format_seconds(wait))
    since = at.now - rule.moved_at
    because = f"moved {format_seconds(since)} ago, cooldown is {format_seconds(wait)}"
    if "cooldown" in at.consent.override:
        return yes("cooldown", move, because, consent=f"override: {at.consent.reason}")
    return no(
        "cooldown",
        move,
        because,
        f"wait {format_seconds(wait - since)}, or --override cooldown --reason TEXT",
    )


def approvals(at: Situation, move: Move) -> GateResult:
    """As many people as the cluster's rule requires can approve the plan; whether they did, is judged as it begins."""
    wanted = wanted_for(at.platform, move.cluster)
    if not wanted.required:
        return yes("approvals", move, "none is required")
    if not wanted.of:
        because = f"it wants {plural(wanted.required, 'approval')}, and regions.yaml names nobody who could give one"
        return no("approvals", move, because, "add approvers.NAME.key to regions.yaml")
    left = eligible(at.platform, wanted, (at.by, at.consent.by))
    if len(left) < wanted.required:
        because = f"{wanted.words} must approve it, and {', '.join(sorted(set(wanted.of) - set(left)))} asked for it"
        return no("approvals", move, because, "somebody else plans it, or add approvers to regions.yaml")
    because = f"{wanted.words} must approve this very plan before it begins"
    return yes("approvals", move, because, consent="asked for: qx approve PLAN")


def sentinel(at: Situation, move: Move) -> GateResult:
    """Two who move the same write role fight each other."""
    cluster = at.platform.clusters[move.cluster]
    if not cluster.sentinels:
        return yes("sentinel", move, "no Sentinel watches it")
    name = cluster.sentinel_name
    return no("sentinel", move, f"Sentinel watches it as '{name}', and would take back what qx moves",
               f"SENTINEL REMOVE {name} on each Sentinel and in regions.yaml, or leave this cluster to Sentinel")


def lease(at: Situation, move: Move) -> GateResult:
    """No other run holds the cluster."""
    held = at.leases.get(move.cluster)
    if held is None or held.until <= at.now:
        return yes("lease", move, "free")
    because = f"run {held.holder} holds it for another {format_seconds(held.until - at.now)}"
    return no("lease", move, because, f"wait for it, or follow it: qx runs watch {held.holder}")


def fence(at: Situation, move: Move) -> GateResult:
    """Is there a way to prove that the old writer cannot acknowledge any more?"""
    if move.source is None:
        return no(
            "fence",
            move,
            "no writer is known, so none can be fenced",
            "bring back the node that wrote last, so that it is seen",
        )
    control = at.control(move.cluster, move.source)
    if control is not None:
        return yes(
            "fence", move, f"the control of {move.source} answers: its server can be stopped and held"
        )
    why = str(at.controls.get((move.cluster, move.source), NO_CONTROL))
    fenced = at.fences.get((move.cluster, move.source))
    if move.mode == "unplanned" and fenced is not None:
        return yes("fence", move, fenced.because)
    words = {move.source, f"{move.cluster}/{move.source}"} & set(at.consent.attest_fenced)
    if move.mode == "unplanned" and words and at.consent.reason:
        return yes(
            "fence",
            move,
            f"control of {move.source}: {why}",
            consent=f"{at.consent.by} attests: {at.consent.reason}",
        )
    if move.mode == "planned":
        return no(
            "fence",
            move,
            f"control of {move.source}: {why}",
            _reach(move.cluster, move.source, why) + ": a planned move stops its server cleanly",
        )
    return no(
        "fence",
        move,
        f"control of {move.source}: {why}; nothing proves that its server is stopped",
        _reach(move.cluster, move.source, why)
        + f", or power the server off and say so: --attest-fenced {move.source} --reason TEXT",
    )


def _reach(cluster: str, region: str, why: str) -> str:
    """What would make a node's control answer."""
    if why == NO_CONTROL:
        return f"add clusters.{cluster}.nodes.{region}.control to regions.yaml"
    return f"make the control of {region} reachable"


def target_control(at: Situation, move: Move) -> GateResult:
    """The target's control answers: without it a promotion that did not happen could not be taken back."""
    found = at.controls.get((move.cluster, move.target), NO_CONTROL)
    if isinstance(found, str):
        return no(
            "control",
            move,
            f"control of {move.target}: {found}",
            _reach(move.cluster, move.target, found) + ": a failed promotion could not be taken back without it",
        )
    return yes("control", move, f"the control of {move.target} answers")


def lag(at: Situation, move: Move) -> GateResult:
    """Planned: what must be drained while clients wait has to be small."""
    view = at.node(move.cluster, move.target)
    budget = at.platform.clusters[move.cluster].objectives.rpo_bytes
    behind = view.lag.bytes if view.lag else None
    if behind is None:
        return no("rpo", move, f"the lag of {move.target} is not known", "see qx lag")
    if behind > budget:
        return no(
            "rpo",
            move,
            f"{move.target} is {format_bytes(behind)} behind, budget {format_bytes(budget)}",
            "wait until it has caught up: qx lag --watch",
        )
    return yes("rpo", move, f"nothing is lost: {format_bytes(behind)} to drain, then promoted")


def rpo(at: Situation, move: Move) -> GateResult:
    """Unplanned: the loss, at worst, stays within the budget, or a person accepted it."""
    goals, loss = at.platform.clusters[move.cluster].objectives, move.loss
    accepted = at.consent.accept_loss
    if loss.bytes_high is None:
        if accepted == "unknown" and at.consent.reason:
            return yes(
                "rpo", move, f"loss unknown: {loss.because}", consent=f"accepted: {at.consent.reason}"
            )
        return no("rpo", move, f"loss unknown: {loss.because}", "--accept-loss unknown --reason TEXT")
    long = "an unknown time" if loss.seconds_high is None else format_seconds(loss.seconds_high)
    at_most = f"at most {format_bytes(loss.bytes_high)} or {long}"
    short = loss.seconds_high is not None and loss.seconds_high <= goals.rpo
    if short and loss.bytes_high <= goals.rpo_bytes:
        return yes(
            "rpo", move, f"{at_most}, within {format_bytes(goals.rpo_bytes)} and {format_seconds(goals.rpo)}"
        )
    if accepted and at.consent.reason and covers(accepted, loss):
        return yes("rpo", move, at_most, consent=f"accepted {accepted}: {at.consent.reason}")
    return no(
        "rpo",
        move,
        f"{at_most}, above {format_bytes(goals.rpo_bytes)} or {format_seconds(goals.rpo)}",
        f"--accept-loss {format_bytes(loss.bytes_high).replace(' ', '')} --reason TEXT",
    )


def covers(accepted: str, loss: Loss) -> bool:
    """Does the spoken size or duration cover the loss at its worst? `unknown` covers everything."""
    if accepted == "unknown":
        return True
    limit = parse_loss(accepted)
    if isinstance(limit, Seconds):
        return loss.seconds_high is not None and loss.seconds_high <= limit
    # The remedy prints a rounded size: what it prints must be enough.
    return loss.bytes_high is not None and loss.bytes_high <= limit * 1.05


def parse_loss(text: str) -> Seconds | Bytes:
    """`10s` is a duration, `5MiB` a size. Raises ValueError with the accepted forms."""
    if text.strip().endswith("M"):
        raise ValueError(f"{text!r} could be either: minutes are written 5m, mebibytes 5MiB")
    try:
        return parse_seconds(text) if not text.strip().isdigit() else parse_bytes(text)
    except ValueError:
        pass
    try:
        return parse_bytes(text)
    except ValueError as error:
        raise ValueError(
            f"neither a size nor a duration nor 'unknown': {text!r} (5MiB, 10s, unknown)"
        ) from error


def furthest(at: Situation, move: Move) -> GateResult:
    """Unplanned: no reachable standby knows more than the target."""
    target = at.facts(move.cluster, move.target)
    if target is None:
        return yes("furthest", move, f"nothing to compare with: {move.target} does not answer")
    fetched = ahead(at, move)
    for region in at.platform.clusters[move.cluster].nodes:
        other = at.facts(move.cluster, region)
        if region in (move.target, move.source) or other is None:
            continue
        because = _ahead(other, target)
        if because and not (fetched and lineage(other) == lineage(target)):
            because = f"{region} {because} {move.target}"
            if at.consent.accept_loss and at.consent.reason and covers(at.consent.accept_loss, move.loss):
                return yes(
                    "furthest",
                    move,
                    because,
                    consent=f"accepted {at.consent.accept_loss}: {at.consent.reason}",
                )
            return no("furthest", move, because, f"--to {region}, or --accept-loss SIZE --reason TEXT")
    if fetched:
        facts = at.facts(move.cluster, fetched)
        more = format_bytes(position(facts) - position(target)) if facts else "more"
        return yes("furthest", move, f"{fetched} is {more} ahead of {move.target}, which fetches that from it first")
    return yes("furthest", move, f"no standby that answers is ahead of {move.target}")


def _ahead(other: PgFacts | RedisFacts, target: PgFacts | RedisFacts) -> str:
    """How far the other is ahead of the target, or ''."""
    if _later_timeline(other, target):
        return f"is on {lineage(other)}, a later timeline than {lineage(target)} of"
    if _later_history(other, target):
        return f"has gone on, as {lineage(other)}, from the history of"
    if lineage(other) != lineage(target) or position(other) <= position(target):
        return ""
    return f"is {format_bytes(position(other) - position(target))} ahead of"


def _later_history(other: PgFacts | RedisFacts, target: PgFacts | RedisFacts) -> bool:
    """A master that was restarted, or promoted, begins a new history; its replicas remember the one before."""
    if not isinstance(other, RedisFacts) or not isinstance(target, RedisFacts):
        return False
    return other.replid2 == target.replid != other.replid and other.second_offset > 0


def _later_timeline(other: PgFacts | RedisFacts, target: PgFacts | RedisFacts) -> bool:
    if not isinstance(other, PgFacts) or not isinstance(target, PgFacts):
        return False
    return other.system_id == target.system_id and other.timeline > target.timeline


ALWAYS = (residency, maintenance, calendar, risk, cooldown, approvals, lease, sentinel, health, capacity)
PLANNED = (*ALWAYS, lag, durability, fence, target_control)
UNPLANNED = (*ALWAYS, furthest, durability, rpo, fence, target_control)


def judge_gates(at: Situation, move: Move) -> tuple[GateResult, ...]:
    """All gates of the move, so that a refusal names every one that fails."""
    return tuple(gate(at, move) for gate in (PLANNED if move.mode == "planned" else UNPLANNED))
