"""Approvers and the rules of N of M: keys that can be read, names that stand there, counts within reach. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.config.document import dotted
from qx.config.fault import Fault
from qx.config.forms import above_zero, key
from qx.kernel.publickey import parse_public_key
from qx.kernel.text import did_you_mean, plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.config.document import Trail
    from qx.model.approving import ApprovalRule, Approver, Submitter
    from qx.model.platform import Platform

BAD, NOTHING, CLASH = "QX-CFG-004", "QX-CFG-006", "QX-CFG-008"
MAKE = "ssh-keygen -t ed25519 -f ~/.config/qx/approval; here goes the line in approval.pub"


def check(platform: Platform) -> Iterator[Fault]:
    yield from _keys("approvers", platform.approvers)
    yield from _keys("submitters", platform.submitters)
    defaults: Trail = ("defaults", "approvals")
    yield from _rule(platform, defaults, platform.defaults.approvals)
    for name, cluster in platform.clusters.items():
        trail: Trail = ("clusters", name, "approvals")
        if cluster.approvals is not None:
            yield from _rule(platform, trail, cluster.approvals)
        rule = cluster.approvals or platform.defaults.approvals
        if cluster.mode == "auto" and rule.required > 0:
            message = f"auto moves it unasked, and {plural(rule.required, 'approval')} of each move is required"
            hint = "write `mode: confirm`, or `approvals: {required: 0}` here"
            also = ((*(trail if cluster.approvals is not None else defaults), "required"),)
            yield Fault(CLASH, ("clusters", name, "mode"), message, hint, also=also)


def _keys(among: str, named: Mapping[str, Approver | Submitter]) -> Iterator[Fault]:
    """Two names for one key would be one person who counts twice."""
    first: dict[bytes, Trail] = {}
    for name, approver in named.items():
        trail: Trail = (among, name)
        yield from key(trail, name)
        for index, account in enumerate(approver.accounts):
            if not account.strip() or "@" in account:
                at = (*trail, "accounts", index)
                yield Fault(BAD, at, "is not the name of an account", "without its machine: ada, a.lovelace")
        try:
            data = parse_public_key(approver.key)
        except ValueError as error:
            yield Fault(BAD, (*trail, "key"), str(error), MAKE)
            continue
        holder = first.setdefault(data, (*trail, "key"))
        if holder != (*trail, "key"):
            message = f"is the key of {dotted(holder)} too: one person would count twice"
            yield Fault(CLASH, (*trail, "key"), message, "each has a key of their own", also=(holder,))


def _rule(platform: Platform, trail: Trail, rule: ApprovalRule) -> Iterator[Fault]:
    required: Trail = (*trail, "required")
    if rule.required < 0:
        yield Fault(BAD, required, f"{rule.required} is below zero", "0 requires none")
    yield from above_zero((*trail, "expire"), rule.expire)
    known: set[str] = set()
    for index, name in enumerate(rule.of):
        at: Trail = (*trail, "of", index)
        if name not in platform.approvers:
            hint = did_you_mean(name, platform.approvers) or f"describe it: approvers.{name}.key"
            yield Fault(NOTHING, at, f"no approver '{name}'", hint, also=(("approvers",),))
        elif name in known:
            yield Fault(CLASH, at, f"'{name}' stands here twice", "remove one of the two")
        known.add(name)
    may = known & platform.approvers.keys() if rule.of else platform.approvers.keys()
    if platform.approvers and rule.required > len(may):
        message = f"{rule.required} approvals are required, and {plural(len(may), 'approver')} may give one"
        also = ((*trail, "of"),) if rule.of else (("approvers",),)
        yield Fault(CLASH, required, message, "require fewer, or add approvers", also=also)
