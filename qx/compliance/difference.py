"""Difference: what of some packs turns between two instants, and whose answer turns with it. Pure.

From the first instant (not included) to the second (included). What turns and turns back within it is told as well: two
turns, of which the last one lasts.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from qx.compliance import dated
from qx.compliance.facts import RATE
from qx.compliance.language import params_in, parse, paths_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from qx.model.rules import Param, Rule, RulePack
    from qx.model.validation import Finding, Used, Validation, Verdict

Turning = Literal["in force", "not in force", "another value", "another window", "stale"]
CONVERTED = ("facts.linked", "facts.monthCash")  # facts that rest on rates
NONE = "none"


class Turn(Struct, frozen=True, kw_only=True):
    """One thing that is another from an instant on."""

    at: str  # from then on; UTC
    pack: str  # its pack
    what: Literal["rule", "parameter", "pack"]  # what kind of thing turns
    name: str  # the rule's id, or the name
    turn: Turning  # what it is from then on; stale: overdue for review
    before: str  # its value until then; '' of a rule and of a pack
    after: str  # its value from then on
    added: tuple[str, ...] = ()  # to a list: what was not in it
    removed: tuple[str, ...] = ()  # from a list
    rules: tuple[str, ...]  # that it is of, or that rest on it
    lasts: bool  # nothing else turns it until the second instant


class Why(Struct, frozen=True, kw_only=True):
    """One rule that says something else at the second instant."""

    rule: str  # its id
    severity: str  # block, flag, info
    before: str  # its outcome at the first instant; '' it was not there
    after: str  # its outcome at the second
    because: str  # what turned: a parameter, the rule itself, a value that it saw


class Flip(Struct, frozen=True, kw_only=True):
    """One transaction that is answered otherwise at the second instant."""

    number: int  # its place among those that were given, from 1
    transaction: str  # its id
    before: str  # status at the first instant
    after: str  # status at the second
    score_before: int  # at the first instant
    score_after: int  # at the second
    because: tuple[Why, ...]  # rules whose outcome differs, those that decide it first


class Unread(Struct, frozen=True, kw_only=True):
    """What was given and is no transaction."""

    number: int  # its place, from 1
    code: str  # of the error
    message: str  # what is wrong with it


class Difference(Struct, frozen=True, kw_only=True):
    """What turns between two instants."""

    since: str  # the first instant
    until: str  # the second
    region: str  # whose rules; '' all
    packs: tuple[str, ...]  # that were compared, with their versions
    turns: tuple[Turn, ...]  # in order of time
    transactions: int = 0  # that were judged at both
    flips: tuple[Flip, ...] = ()  # those whose status differs
    unread: tuple[Unread, ...] = ()  # what is no transaction


def turns(packs: Iterable[RulePack], since: datetime, until: datetime) -> tuple[Turn, ...]:
    """In order of time, then of pack and name."""
    of = tuple(packs)
    rests = _rests_on(of)
    found = [turn for pack in of for turn in _of_pack(pack, since, until, rests)]
    return tuple(sorted(found, key=lambda turn: (turn.at, turn.pack, turn.what, turn.name, turn.turn)))


def _of_pack(
    pack: RulePack, since: datetime, until: datetime, rests: Mapping[tuple[str, str], tuple[str, ...]]
) -> Iterator[Turn]:
    def within(texts: Iterable[str]) -> list[datetime]:
        moments = {dated.instant(text, pack.timezone) for text in texts if text}
        return sorted(moment for moment in moments if since < moment <= until)

    for rule in pack.rules:
        yield from _of_rule(pack, rule, since, within((rule.effective_from, rule.effective_to)))
    for name, param in pack.params.items():
        edges = within(text for window in param.windows for text in (window.from_, window.to))
        used = rests.get((pack.pack, name), ())
        yield from _of_param(pack, name, param, since, edges, used)
        yield from _of_review(pack, "parameter", name, param.review_by, (since, until), used)
    everything = tuple(rule.id for rule in pack.rules)
    yield from _of_review(pack, "pack", pack.pack, pack.review_by, (since, until), everything)


def _of_rule(pack: RulePack, rule: Rule, since: datetime, edges: list[datetime]) -> Iterator[Turn]:
    for at, before, after, lasts in _steps(edges, since, lambda at: dated.rule_in_force(rule, pack, at)):
        if before != after:
            turn: Turning = "in force" if after else "not in force"
            yield Turn(at=_text(at), pack=pack.pack, what="rule", name=rule.id, turn=turn, before="", after="",
                       rules=(rule.id,), lasts=lasts)  # fmt: skip


def _of_param(
    pack: RulePack, name: str, param: Param, since: datetime, edges: list[datetime], used: tuple[str, ...]
) -> Iterator[Turn]:
    for at, before, after, lasts in _steps(edges, since, lambda at: dated.in_force(param, pack, at)):
        if before is not None and after is not None and before.window is after.window:
            continue
        if before is None and after is None:
            continue
        turn: Turning = (
            "in force" if before is None
            else "not in force" if after is None
            else "another window" if before.value == after.value
            else "another value"
        )  # fmt: skip
        was, now = _items(before), _items(after)
        yield Turn(
            at=_text(at), pack=pack.pack, what="parameter", name=name, turn=turn,
            added=tuple(each for each in now if each not in was),
            removed=tuple(each for each in was if each not in now),
            before=NONE if before is None else shown(before.window.value, param.unit),
            after=NONE if after is None else shown(after.window.value, param.unit), rules=used, lasts=lasts,
        )  # fmt: skip


def _items(found: dated.InForce | None) -> tuple[str, ...]:
    return found.value if found is not None and isinstance(found.value, tuple) else ()


def _of_review(
    pack: RulePack, what: Literal["parameter", "pack"], name: str, review_by: str, between: tuple[datetime, datetime],
    used: tuple[str, ...],
) -> Iterator[Turn]:
    since, until = between
    if review_by and since < (at := dated.day_after(review_by, pack.timezone)) <= until:
        yield Turn(at=_text(at), pack=pack.pack, what=what, name=name, turn="stale", before="", after="", rules=used,
                   lasts=True)  # fmt: skip


def _steps(
    edges: list[datetime], since: datetime, state: Callable[[datetime], Any]
) -> Iterator[tuple[datetime, Any, Any, bool]]:
    """(when, what it was, what it is, whether nothing follows)."""
    before = state(since)
    for number, at in enumerate(edges, 1):
        after = state(at)
        yield at, before, after, number == len(edges)
        before = after


def _rests_on(packs: tuple[RulePack, ...]) -> dict[tuple[str, str], tuple[str, ...]]:
    """(pack, parameter) -> rules: those that name it, and of a rate all that speak of a converted amount."""
    found: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    converting: list[str] = []
    for pack in packs:
        for rule in pack.rules:
            trees = (parse(rule.applies_when or "true"), parse(rule.predicate))
            for tree in trees:
                for name in params_in(tree):
                    found[pack.pack, name][rule.id] = None
            if any(path.startswith(CONVERTED) for tree in trees for path in paths_in(tree)):
                converting.append(rule.id)
    for pack in packs:
        for name in pack.params:
            if name.startswith(RATE):
                found[pack.pack, name].update(dict.fromkeys(converting))
    return {key: tuple(rules) for key, rules in found.items()}


def flipped(number: int, before: Validation, after: Validation) -> Flip | None:
    """Both of one transaction, with all findings. None: its status is the same."""
    if before.status == after.status:
        return None
    return Flip(
        number=number, transaction=after.transaction_id, before=before.status, after=after.status,
        score_before=before.compliance_score, score_after=after.compliance_score,
        because=tuple(sorted(_whys(before, after), key=lambda why: (_RANK[why.severity], why.rule))),
    )  # fmt: skip


_RANK = {"block": 0, "flag": 1, "info": 2}


def _whys(before: Validation, after: Validation) -> Iterator[Why]:
    was = {each.rule_id: each for each in before.findings}
    for finding in after.findings:
        earlier = was.get(finding.rule_id)
        if earlier is None or earlier.outcome != finding.outcome:
            yield Why(
                rule=finding.rule_id, severity=finding.severity, before="" if earlier is None else earlier.outcome,
                after=finding.outcome, because=_because(earlier, finding),
            )  # fmt: skip


def _because(before: Finding | None, after: Finding) -> str:
    if before is None or "not_in_force" in (before.outcome, after.outcome):
        return "it is not in force any more" if after.outcome == "not_in_force" else "it is in force now"
    parts = [*_other_params(before.parameters, after.parameters), *_other_values(before.seen, after.seen)]
    if after.outcome == "stale":
        parts.insert(0, "its table or pack is overdue for review")
    elif before.outcome == "stale":
        parts.insert(0, "its table or pack was overdue for review")
    return "; ".join(parts) or after.message


def _other_params(before: tuple[Used, ...], after: tuple[Used, ...]) -> Iterator[str]:
    was, now = ({each.name: shown(each.value, each.unit) for each in used} for used in (before, after))
    for name in dict.fromkeys((*was, *now)):
        if was.get(name) != now.get(name):
            yield f"{name}: {was.get(name, NONE)}, now {now.get(name, NONE)}"


def _other_values(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for path in sorted(before.keys() & after.keys()):
        if before[path] != after[path]:
            yield f"{path}: {_word(before[path])}, now {_word(after[path])}"


def _word(value: Any) -> str:
    return ", ".join(map(str, value)) or NONE if isinstance(value, list) else str(value)


def shown(value: str | tuple[str, ...], unit: str = "") -> str:
    """A parameter's value in words."""
    text = value if isinstance(value, str) else " ".join(value) or NONE
    return f"{text} {unit}" if unit and isinstance(value, str) else text


def worse(before: Verdict | str, after: Verdict | str) -> bool:
    """Whether the second status is the stricter one."""
    order = ("approved", "conditional", "rejected")
    return order.index(after) > order.index(before)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
