"""Which approvals count, and why each other one does not. Pure but for `signed_by`, which only computes.

Invariants: an approval counts for the very plan, run and step that it names, on this platform and store, and for no
other; each person and each key counts once; whoever asked for the plan, or carries it out, counts nothing, under any
account or key that is theirs; what is expired, or dated in the future, counts nothing. Where approvers have keys an
unsigned approval counts nothing; where none has, a cluster that requires approvals can only be refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from qx.kernel.publickey import fingerprint, parse_public_key
from qx.kernel.spans import format_seconds
from qx.kernel.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qx.model.approval import Approved
    from qx.model.platform import Platform

    SignedBy = Callable[[bytes, bytes, str], bool]  # public key, message, base64 of the signature

Signature = Literal["verified", "forged", "unknown", "unsigned"]
AHEAD_S = 60.0  # clocks of two machines may differ by so much


class Wanted(NamedTuple):
    """`required` of `of`: name -> public key. `signed`: unsigned ones count nothing. `expire_s`: from its signature."""

    required: int
    of: dict[str, bytes]
    signed: bool
    expire_s: float

    @property
    def words(self) -> str:
        return f"{self.required} of {', '.join(self.of)}" if self.of else f"{self.required}"


class Subject(NamedTuple):
    """What an approval has to be of, to the letter. `step` None: any step of the run."""

    platform: str
    store: str
    plan: str
    plan_digest: str
    run: str = ""
    step: str | None = ""


class Tally(NamedTuple):
    """`counted`: at most one of each person. `against`: why each other one does not count, in a sentence."""

    wanted: Wanted
    counted: tuple[Approved, ...]
    against: tuple[str, ...]

    @property
    def enough(self) -> bool:
        return len(self.counted) >= self.wanted.required

    @property
    def words(self) -> str:
        """What is there and what is missing: for a refusal."""
        if self.wanted.required and self.wanted.signed and not self.wanted.of:
            wants = plural(self.wanted.required, "approval")
            return f"it wants {wants}, and regions.yaml names nobody who could give one"
        names = ", ".join(each.by for each in self.counted) or "nobody"
        parts = [f"approved by {names}, required are {self.wanted.words}", *self.against]
        return "; ".join(parts)


def wanted_for(platform: Platform, cluster: str = "", at_least: int = 0) -> Wanted:
    """What a move of `cluster` wants; '' : a step of a runbook. `at_least`: although its rule asks for fewer."""
    rule = (platform.clusters[cluster].approvals if cluster else None) or platform.defaults.approvals
    names = rule.of or tuple(platform.approvers)
    keys = {name: parse_public_key(platform.approvers[name].key) for name in names}
    signed = bool(platform.approvers) or rule.required > 0
    return Wanted(max(rule.required, at_least), keys, signed, float(rule.expire))


def tally(
    given: Iterable[Approved], of: tuple[Subject, ...], wanted: Wanted, platform: Platform, asked_by: Iterable[str],
    now: float, signed_by: SignedBy,
) -> Tally:
    """`of`: any of these will do. `asked_by`: the accounts of whoever asked for it or carries it out."""
    asked = tuple(asked_by)
    counted: dict[object, Approved] = {}
    against: list[str] = []
    for each in given:
        why = _against(each, of, wanted, platform, asked, now, signed_by)
        if why:
            against.append(f"that of {each.by} does not count: {why}")
        else:
            counted.setdefault(wanted.of.get(each.by, person(each.by)), each)
    return Tally(wanted, tuple(counted.values()), tuple(against))


def _against(
    each: Approved, of: tuple[Subject, ...], wanted: Wanted, platform: Platform, asked: tuple[str, ...], now: float,
    signed_by: SignedBy,
) -> str:
    """Why it does not count; '' when it does."""
    if not any(_is_of(each, subject) for subject in of):
        return "it is of another plan, run or platform"
    accounts = {each.by, each.account}
    if wanted.signed:
        key = wanted.of.get(each.by)
        if key is None:
            return "regions.yaml does not name them among its approvers"
        if not each.signature:
            return "it is not signed"
        if each.key != fingerprint(key) or not signed_by(key, each.statement, each.signature):
            return "it was changed, or signed with another key than theirs in regions.yaml"
        accounts |= {each.by, *platform.approvers[each.by].accounts}
    if any(same_person(one, other) for one in accounts for other in asked):
        return "they asked for it, or carry it out, themselves"
    if each.at > now + AHEAD_S:
        return "it is dated in the future"
    ends = min(float(each.expires), each.at + wanted.expire_s)
    if now >= ends:
        return f"it expired {format_seconds(now - ends)} ago"
    return ""


def signature_of(each: Approved, platform: Platform, signed_by: SignedBy) -> Signature:
    """Whether it is what its approver signed, by the keys that regions.yaml names; whatever it is of, and whenever."""
    if not each.signature:
        return "unsigned"
    approver = platform.approvers.get(each.by)
    key = None if approver is None else parse_public_key(approver.key)
    if key is None or each.key != fingerprint(key):
        return "unknown"
    return "verified" if signed_by(key, each.statement, each.signature) else "forged"


def _is_of(each: Approved, subject: Subject) -> bool:
    said = (each.platform, each.store, each.plan, each.plan_digest, each.run)
    return said == subject[:5] and subject.step in (None, each.step)


def eligible(platform: Platform, wanted: Wanted, asked_by: Iterable[str]) -> tuple[str, ...]:
    """Approvers of `wanted` who have not asked for it themselves."""
    asked = tuple(asked_by)
    return tuple(
        name for name in wanted.of
        if not any(same_person(one, other) for one in (name, *platform.approvers[name].accounts) for other in asked)
    )  # fmt: skip


def same_person(one: str, other: str) -> bool:
    """`account@machine`: the same account on another machine is the same person."""
    return person(one) == person(other)


def person(account: str) -> str:
    return account.partition("@")[0].casefold()
