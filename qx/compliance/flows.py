"""Flows: data that leave one jurisdiction for another, and the rules of the packs that speak of them. Pure.

Evidence is a set of pieces, each worded as `qx residency check` takes it: `safeguard scc`, `approval OM-2.8.1`,
`keys-held-by licensee`, `recipient-dpf`. What is not among them is not there.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import replace

from qx.compliance import dated
from qx.compliance.judge import compile_rule, environment, judged
from qx.compliance.language import AS_OF, below_of, path_of
from qx.kernel.expr_tree import Binary, Call, Items, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from qx.compliance.dated import InForce
    from qx.kernel.expr_tree import Node
    from qx.model.rules import RulePack
    from qx.model.validation import Finding

    Evidence = frozenset[str]
    Params = dict[str, dict[str, InForce | None]]

FLOW = "dataFlow."
SAFEGUARD, APPROVAL, KEYS, DPF = "safeguard ", "approval ", "keys-held-by ", "recipient-dpf"
_LISTS = {f"{FLOW}safeguards": SAFEGUARD, f"{FLOW}approvals": APPROVAL}


class Flow(NamedTuple):
    """Data of a class that leave one jurisdiction for another."""

    data_class: str
    source: str
    to: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.data_class, self.source, self.to


class FlowRules:
    """The rules of these packs that speak of flows, compiled."""

    def __init__(self, packs: Iterable[RulePack]) -> None:
        self._rules = tuple(
            compile_rule(rule, pack) for pack in packs for rule in pack.rules if FLOW in rule.applies_when
        )
        self._packs = tuple({one.pack.pack: one.pack for one in self._rules}.values())
        self._params: dict[datetime, Params] = {}

    @cached_property
    def changes(self) -> tuple[datetime, ...]:
        """Every instant at which one of them, or a parameter of theirs, begins, ends or grows stale."""
        found: set[datetime] = set()
        for pack in self._packs:
            ours = tuple(one for one in self._rules if one.pack is pack)
            params = {name: pack.params[name] for one in ours for name in one.params}
            spoken = replace(pack, rules=tuple(one.rule for one in ours), params=params)
            found |= {moment for moment, _ in dated.changes(spoken)}
        return tuple(sorted(found))

    @cached_property
    def pieces(self) -> frozenset[str]:
        """All evidence that any of them asks for, ever."""
        found: set[str] = set()
        for one in self._rules:
            several = {name: one.pack.params[name].windows for name in one.params}
            values = {name: tuple(word for each in windows for word in each.value) for name, windows in several.items()}
            found |= set(_asked(one.tree, values))
        return frozenset(found)

    def params(self, at: datetime) -> Params:
        if at not in self._params:
            names = {(one.pack.pack, name) for one in self._rules for name in one.params}
            self._params[at] = {
                pack.pack: {
                    name: dated.in_force(param, pack, at)
                    for name, param in pack.params.items()
                    if (pack.pack, name) in names
                }
                for pack in self._packs
            }
        return self._params[at]

    def findings(self, flow: Flow, evidence: Evidence, at: datetime, params: Params) -> tuple[Finding, ...]:
        """Of the rules that speak of this flow; `params`: of the same instant."""
        fields = fields_of(flow, evidence) | {AS_OF: at}
        known = {pack.pack: environment(pack, fields, params[pack.pack]) for pack in self._packs}
        found = (
            judged(one, known[one.pack.pack], at, params[one.pack.pack])
            for one in self._rules
            if one.applies(known[one.pack.pack]) is not False
        )
        return tuple(each for each in found if each.outcome not in ("not_applicable", "not_in_force"))

    def asked(self, flow: Flow, params: Params) -> frozenset[str]:
        """Evidence that the rules which speak of this flow ask for, also those that evidence brings in."""
        known: frozenset[str] = frozenset()
        while True:
            fields = fields_of(flow, known)
            more = frozenset(
                piece
                for one in self._rules
                if one.applies(environment(one.pack, fields, {})) is True
                for piece in _asked(one.tree, _values(params[one.pack.pack]))
            )
            if more <= known:
                return known
            known |= more


def fields_of(flow: Flow, evidence: Evidence) -> dict[str, Any]:
    """As a transaction's own flow is told."""
    found: dict[str, Any] = {
        f"{FLOW}class": flow.data_class, f"{FLOW}from": flow.source, f"{FLOW}to": flow.to,
        f"{FLOW}recipient.dpf": DPF in evidence,
    }  # fmt: skip
    for path, kind in _LISTS.items():
        found[path] = tuple(sorted(each.removeprefix(kind) for each in evidence if each.startswith(kind)))
    keys = sorted(each.removeprefix(KEYS) for each in evidence if each.startswith(KEYS))
    return found | ({f"{FLOW}keysHeldBy": keys[0]} if keys else {})


def _values(params: dict[str, InForce | None]) -> dict[str, tuple[str, ...]]:
    return {
        name: one.value for name, one in params.items() if one is not None and isinstance(one.value, tuple)
    }


def _asked(tree: Node, values: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Pieces of evidence that a predicate looks for: words of lists, of parameters, and plain conditions."""
    match tree:
        case Call("any_in", (one, other), _) if (kind := _LISTS.get(_path_below(one))) is not None:
            yield from (f"{kind}{word}" for word in _words(other, values))
        case Binary("in", Literal(word, _), right, _) if (kind := _LISTS.get(_path_below(right))) is not None:
            yield f"{kind}{word}"
        case Binary("==", left, Literal(word, _), _) if _path_below(left) == f"{FLOW}keysHeldBy":
            yield f"{KEYS}{word}"
        case _ if path_of(tree) == f"{FLOW}recipient.dpf":
            yield DPF
        case _:
            for below in below_of(tree):
                yield from _asked(below, values)


def _path_below(tree: Node) -> str:
    """Of a field, also of one with a default."""
    if isinstance(tree, Call) and tree.function == "default":
        tree = tree.given[0]
    return path_of(tree) or ""


def _words(tree: Node, values: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    match tree:
        case Call("param", (Literal(name, _),), _):
            return values.get(str(name), ())
        case Items(items, _):
            return tuple(str(each.value) for each in items if isinstance(each, Literal))
    return ()
