"""The step sequences: what is done to one cluster, in which order, and how each step is taken back.

PostgreSQL, planned:   recheck, prepare, checkpoint, pin | close route, fence, drain, PROMOTE, open route | mark,
follow.., return, verify
PostgreSQL, unplanned: recheck, hold, proven or attest, close route, freeze, fast-forward, PROMOTE, open route,
mark, follow.., verify
Redis, planned:        recheck, prepare, pin, settle | close route, HANDOVER, open route | mark, follow.., return,
verify
Redis, unplanned:      recheck, hold, proven or attest, close route, freeze, PROMOTE, open route, mark, follow.., verify
Between the bars clients cannot write; the step in capitals is the point of no return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model import plan as p

if TYPE_CHECKING:
    from qx.failover.fences import Fenced
    from qx.failover.move import Move


def preparation(move: Move, kind: str, siblings: tuple[str, ...]) -> list[p.Step]:
    """What is done for every cluster before the first quiesce."""
    if move.mode == "unplanned" or move.source is None:
        return []
    make = _Maker(move)
    followers = (*siblings, move.source)
    steps = [
        make.step(
            "recheck", p.Recheck(writer=move.source, **make.at(move.target)), "the world is as planned", 5
        ),
        make.step(
            "prepare",
            p.Prepare(followers=followers, writer=move.source, **make.at(move.target)),
            f"{move.target} must be able to feed {', '.join(followers)}",
            15,
            undo=p.Unprepare(followers=followers, **make.at(move.target)),
        ),
    ]
    if kind == "postgresql":
        steps.append(
            make.step(
                "checkpoint",
                p.Checkpoint(**make.at(move.source)),
                "a small shutdown checkpoint makes a short stop",
                60,
            )
        )
    return steps


def postgres_planned(move: Move, siblings: tuple[str, ...], fence_s: float) -> list[p.Step]:
    make, source = _Maker(move), move.source or ""
    return [
        make.step(
            "pin",
            p.Pin(successor=move.target, **make.at(source)),
            "a restart of the old writer must not bring it back as one",
            5,
            undo=p.Unpin(**make.at(source)),
        ),
        make.step(
            "close-route",
            p.CloseRoute(**make.at(source)),
            "clients wait instead of failing",
            5,
            undo=p.OpenRoute(**make.at(source)),
            outage=True,
        ),
        make.step(
            "fence",
            p.Fence(successor=move.target, **make.at(source)),
            "stopped, and unable to come back as a writer: only then can the target be promoted",
            30,
            undo=p.Unfence(**make.at(source)),
            outage=True,
            estimate_s=fence_s,
        ),
        make.step(
            "drain",
            p.Drain(writer=source, **make.at(move.target)),
            "everything the writer ever acknowledged has been replayed",
            10,
            outage=True,
            estimate_s=0.02,
        ),
        *_promotion(make, move),
        *_tail(make, move, siblings, old=source),
    ]


def redis_planned(move: Move, siblings: tuple[str, ...]) -> list[p.Step]:
    make, source = _Maker(move), move.source or ""
    return [
        make.step(
            "pin",
            p.Pin(successor=move.target, **make.at(source)),
            "a restart of the old master must not bring back a writer",
            5,
            undo=p.Unpin(**make.at(source)),
        ),
        make.step(
            "settle",
            p.Settle(writer=source, **make.at(move.target)),
            f"{move.target} acknowledges once a second; just before that the handover is short",
            5,
            estimate_s=1.0,
        ),
        make.step(
            "close-route",
            p.CloseRoute(**make.at(source)),
            "clients wait instead of failing",
            5,
            undo=p.OpenRoute(**make.at(source)),
            outage=True,
        ),
        make.step(
            "handover",
            p.Handover(writer=source, **make.at(move.target)),
            "FAILOVER pauses writes, waits for the target and swaps the roles",
            10,
            point_of_no_return=True,
            outage=True,
            estimate_s=0.1,
        ),
        make.step(
            "open-route", p.OpenRoute(**make.at(move.target)), f"clients go to {move.target}", 5, outage=True
        ),
        *_tail(make, move, siblings, old=source),
    ]


def unplanned(
    move: Move,
    kind: str,
    siblings: tuple[str, ...],
    *,
    attested: str,
    by: str,
    was_running: bool,
    hung: bool = False,
    fenced: Fenced | None = None,
) -> list[p.Step]:
    """`attested`: a named operator's reason; `fenced`: a proof on record; neither: the node's control proves it.
    `hung`: it would not stop if it were asked to.
    """
    make, source = _Maker(move), move.source or ""
    look = make.step(
        "recheck",
        p.Recheck(writer=None, **make.at(move.target)),
        "nobody else has acted on the cluster",
        5,
        outage=True,
    )
    if fenced is not None:
        first = make.step(
            "proven", p.Proven(how=fenced.how, epoch=fenced.epoch, **make.at(source)), fenced.because, 5, outage=True
        )
    elif attested:
        first = make.step(
            "attest",
            p.Attest(by=by, reason=attested, **make.at(source)),
            "nothing else can prove the fence",
            5,
        )
    else:
        first = make.step(
            "hold",
            p.Hold(successor=move.target, mode="kill" if hung else "clean", **make.at(source)),
            "no process of the old writer is left and none may start as a writer",
            20,
            undo=p.Unhold(start=was_running, **make.at(source)),
            outage=True,
            estimate_s=0.2,
        )
    steps = [
        look,
        first,
        make.step(
            "close-route",
            p.CloseRoute(**make.at(source)),
            "no client may reach the old writer",
            5,
            undo=p.OpenRoute(**make.at(source)),
            outage=True,
        ),
    ]
    if kind == "postgresql" or siblings:
        steps.append(
            make.step(
                "freeze",
                p.Freeze(others=siblings, **make.at(move.target)),
                "positions must stand still to be compared",
                10,
                undo=p.Unfreeze(upstream=move.source, **make.at(move.target)),
                outage=True,
                estimate_s=0.1,
            )
        )
    if kind == "postgresql":
        steps.append(
            make.step(
                "fast-forward",
                p.FastForward(**make.at(move.target)),
                "what only another standby received must not be lost",
                15,
                outage=True,
            )
        )
    return [*steps, *_promotion(make, move), *_tail(make, move, siblings, old=None)]


def rejoining(
    cluster: str, regions: tuple[str, ...], upstream: str, running: frozenset[str], followers: tuple[str, ...]
) -> list[p.Step]:
    """Bring `regions` back as replicas of `upstream`; `running` are those whose server must be stopped first."""
    steps = [
        p.Step(
            id=f"{cluster}.recheck",
            stage=cluster,
            action=p.Recheck(cluster=cluster, region=upstream, writer=upstream),
            because="the writer is as planned",
            timeout_s=5,
        )
    ]
    for region in regions:
        at = {"cluster": cluster, "region": region}

        def step(name: str, action: p.Action, because: str, timeout: float) -> p.Step:
            return p.Step(
                id=f"{cluster}.{name}.{action.region}",
                stage=cluster,
                action=action,
                because=because,
                timeout_s=timeout,
            )

        steps.append(
            step(
                "hold",
                p.Hold(cluster=cluster, region=region, successor=upstream),
                "stopped, so that its data stand still"
                if region in running
                else "it must not start by itself meanwhile",
                60,
            )
        )
        steps.append(
            step("salvage", p.Salvage(upstream=upstream, **at), "nothing is erased before it was kept", 600)
        )
        steps.append(
            step(
                "resync",
                p.Resync(upstream=upstream, **at),
                "its data must become a copy of the writer's",
                3600,
            )
        )
        steps.append(
            step(
                "return",
                p.Return(upstream=upstream, **at),
                "started is not joined: the writer must see it stream",
                120,
            )
        )
    verify = p.Verify(cluster=cluster, region=upstream, followers=followers)
    steps.append(
        p.Step(
            id=f"{cluster}.verify",
            stage=cluster,
            action=verify,
            because="one writer, everyone else follows",
            timeout_s=30,
        )
    )
    return steps


def _promotion(make: _Maker, move: Move) -> list[p.Step]:
    return [
        make.step(
            "promote",
            p.Promote(writer=move.source, **make.at(move.target)),
            f"{move.target} becomes the writer",
            60,
            point_of_no_return=True,
            outage=True,
            estimate_s=0.1,
        ),
        make.step(
            "open-route",
            p.OpenRoute(**make.at(move.target)),
            f"clients go to {move.target}",
            5,
            outage=True,
            estimate_s=0.02,
        ),
    ]


def _tail(make: _Maker, move: Move, siblings: tuple[str, ...], old: str | None) -> list[p.Step]:
    """After clients write again: the record, the other replicas, the old writer as a replica, and the proof."""
    steps = [
        make.step(
            "mark",
            p.Mark(**make.at(move.target)),
            "the cluster itself says who rules it, and under which epoch",
            30,
        )
    ]
    steps += [
        make.step(
            f"follow.{region}",
            p.Follow(upstream=move.target, **make.at(region)),
            f"{region} follows the new writer",
            30,
            required=False,
        )
        for region in siblings
    ]
    if old:
        steps.append(
            make.step(
                "return",
                p.Return(upstream=move.target, **make.at(old)),
                "the old writer comes back as a replica",
                60,
                required=False,
            )
        )
    followers = (*siblings, old) if old else siblings
    steps.append(
        make.step(
            "verify",
            p.Verify(followers=followers, **make.at(move.target)),
            "one writer, everyone else follows",
            30,
            required=False,
        )
    )
    return steps


class _Maker:
    """Makes the steps of one move."""

    def __init__(self, move: Move) -> None:
        self.cluster = move.cluster

    def at(self, region: str) -> dict[str, str]:
        return {"cluster": self.cluster, "region": region}

    def step(
        self,
        name: str,
        action: p.Action,
        because: str,
        timeout_s: float,
        *,
        undo: p.Action | None = None,
        point_of_no_return: bool = False,
        outage: bool = False,
        required: bool = True,
        estimate_s: float = 0.0,
    ) -> p.Step:
        return p.Step(
            id=f"{self.cluster}.{name}",
            stage=self.cluster,
            action=action,
            because=because,
            timeout_s=timeout_s,
            undo=undo,
            point_of_no_return=point_of_no_return,
            outage=outage,
            required=required,
            estimate_s=estimate_s,
        )
