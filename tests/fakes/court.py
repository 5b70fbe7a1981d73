"""People with keys, and a court that judges what they sign: the real signatures over a store in memory."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from qx.adapters.ed25519 import Signer, signed_by
from qx.engine import approvals
from qx.failover.planner import plan_failover
from qx.kernel.publickey import fingerprint
from qx.kernel.spans import Seconds
from qx.model.approval import ApprovalRequest, Approved
from qx.model.approving import ApprovalRule, Approver
from qx.model.plan import Plan
from tests.fakes.rigs import MemoryRig
from tests.unit.failover.situations import situation
from tests.unit.failover.values import EU, platform

if TYPE_CHECKING:
    from qx.model.platform import Platform

PEOPLE = ("ada", "bob", "carol", "dan")
EXPIRE_S = 900.0


def signer(name: str) -> Signer:
    """Everybody's key follows from the name."""
    return Signer(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


def approver(name: str, *accounts: str) -> Approver:
    return Approver(key=base64.b64encode(signer(name).public).decode(), accounts=accounts)


def ruled(required: int, *of: str, people: tuple[str, ...] = PEOPLE, cluster: str = "trading") -> Platform:
    """`required` of `of` approve moves of `cluster`; of all people, where none is named."""
    told = platform()
    rule = ApprovalRule(required=required, of=of, expire=Seconds(EXPIRE_S))
    clusters = told.clusters | {cluster: replace(told.clusters[cluster], approvals=rule)}
    return replace(told, clusters=clusters, approvers={name: approver(name) for name in people})


class _Clock:
    def __init__(self, rig: MemoryRig) -> None:
        self._rig = rig

    def now(self) -> float:
        return self._rig.clocks.wall

    def elapsed(self) -> float:
        return self._rig.clocks.since_boot

    def noise(self) -> bytes:
        return bytes(10)


class Bench:
    """A court in memory: what stands in regions.yaml, the store, and a clock that the test moves."""

    def __init__(self, told: Platform) -> None:
        self.rig = MemoryRig()
        self.platform, self.store = told, self.rig.open()
        self.clock: Any = _Clock(self.rig)

    def signed_by(self, key: bytes, message: bytes, signature: str) -> bool:
        return signed_by(key, message, signature)

    @property
    def now(self) -> float:
        return self.rig.clocks.wall

    def plan(self, by: str = "ann@here", id: str = "plan-1") -> Plan:  # noqa: A002 - the field's name
        """A move of trading to eu-west that its gates let pass."""
        found = plan_failover(situation(of=self.platform, by=by, plan_id=id), EU, None, ("trading",), ())
        assert isinstance(found, Plan), found
        return found

    def statement(self, plan: Plan, by: str, /, **changed: Any) -> Approved:
        """What that person would sign; `changed` before it is signed."""
        made = Approved(
            platform=self.platform.platform, store=self.store.store_id, plan=plan.id, plan_digest=plan.digest,
            clusters=("trading",), epochs={"trading": 0}, by=by, account=f"{by}@there",
            key=fingerprint(signer(by).public), reason="seen", at=int(self.now), expires=int(self.now + EXPIRE_S),
        )  # fmt: skip
        return replace(made, **changed)

    def signed(self, plan: Plan, by: str, /, **changed: Any) -> Approved:
        said = self.statement(plan, by, **changed)
        return replace(said, signature=signer(by).sign(said.statement))

    def keep(self, plan: Plan, *given: Approved) -> ApprovalRequest:
        """As `qx approve` keeps them."""
        request = approvals.ask_for(self, plan, plan.by)
        for each in given:
            approvals.keep(self.store, request, each, self.now)
        return request
