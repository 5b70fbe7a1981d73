"""Approve, wait, notify, maintain: what a runbook does with people and with time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from qx.engine.acts import Settled
from qx.engine.approvals import ask, granted
from qx.engine.conditions import data_for, seen
from qx.kernel.errors import QxError
from qx.kernel.expr import parse
from qx.kernel.expr_value import MISSING, decide
from qx.model.lease import Maintenance

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import asked

APPROVAL_POLL_S = 0.25
GONE_ON_HINT = "the run is undone, as far as it can be"


class Approve:
    async def perform(self, action: asked.Approve, doing: Doing) -> dict[str, Any]:
        """The request stands in the store, bound to this run and the plan's digest, until it expires with the step. How
        many must approve it stands in defaults.approvals; one at least.
        """
        clock, store = doing.world.clock, doing.world.store
        request = ask(store, doing.plan, doing.run, doing.step, action.message, clock.now(), doing.timeout)
        while True:
            found = granted(doing.world, request)
            if found.enough:
                names, reasons = [each.by for each in found.counted], [each.reason for each in found.counted]
                return {"approved_by": ", ".join(names), "reason": "; ".join(reasons),
                        "approvals": to_builtins(found.counted)}  # fmt: skip
            if clock.now() >= request.expires or doing.timeout <= APPROVAL_POLL_S:
                within = f"within {request.expires - request.asked_at:.0f} s"
                words = f"too few approved {within}: {found.words}" if found.counted or found.against else (
                    f"nobody approved {within}")  # fmt: skip
                raise QxError("QX-BOOK-003", words)
            if doing.stopped():
                raise QxError("QX-BOOK-003", "interrupted before it was approved", hint=GONE_ON_HINT)
            await clock.sleep(APPROVAL_POLL_S)

    async def settled(self, action: asked.Approve, doing: Doing) -> Settled | None:
        return Settled(False, {})


class WaitUntil:
    async def perform(self, action: asked.WaitUntil, doing: Doing) -> dict[str, Any]:
        clock, tree = doing.world.clock, parse(action.until)
        looks = 0
        while True:
            looks += 1
            data = await data_for(tree, doing)
            found = decide(tree, data)
            if found is not MISSING and found:
                return {"looks": looks, "seen": seen(tree, data)}
            if doing.stopped():
                raise QxError("QX-BOOK-005", f"interrupted while waiting for {action.until}", hint=GONE_ON_HINT)
            if doing.timeout <= action.interval_s:
                why = "cannot be told" if found is MISSING else "is not so"
                words = f"waited in vain for {action.until}: that {why}: {seen(tree, data)}"
                raise QxError("QX-BOOK-005", words, hint="qx status")
            await clock.sleep(action.interval_s)

    async def settled(self, action: asked.WaitUntil, doing: Doing) -> Settled | None:
        return Settled(False, {})


class Notify:
    async def perform(self, action: asked.Notify, doing: Doing) -> dict[str, Any]:
        because = next(step.because for step in doing.plan.steps if step.id == doing.step.removesuffix(".undo"))
        told = await doing.world.means.notify(
            f"runbook/{doing.run}/{doing.step}", action.severity, action.message, because, action.channels, doing.run,
            doing.timeout,
        )  # fmt: skip
        return {"message": action.message} | told

    async def settled(self, action: asked.Notify, doing: Doing) -> Settled | None:
        """Said twice is better than not at all."""
        return Settled(False, {})


class Maintain:
    async def perform(self, action: asked.Maintain, doing: Doing) -> dict[str, Any]:
        store, now = doing.world.store, doing.world.clock.now()
        if not action.lasting_s:
            return {"scope": action.scope, "ended": store.end_maintenance(action.scope)}
        owner = store.run(doing.run).by
        window = Maintenance(
            scope=action.scope, owner=owner, reason=action.reason, since=now, until=now + action.lasting_s
        )
        store.set_maintenance(window)
        return {"scope": action.scope, "until": window.until}

    async def settled(self, action: asked.Maintain, doing: Doing) -> Settled | None:
        return Settled(False, {})
