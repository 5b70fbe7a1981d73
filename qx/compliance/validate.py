"""Validate: one transaction held against the packs of a region: findings, status, score, id, expiry, obligations. Pure.

The id is a digest of all that the answer rests on: the canonical input, the region, asOf, the packs, the lists and this
engine's version. Whoever has those gets the same answer, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from qx.compliance import dated
from qx.compliance.dated import EVER
from qx.compliance.facts import facts_of, rates_of
from qx.compliance.judge import Compiled, compile_rule, environment, judged
from qx.compliance.obligations import due
from qx.compliance.verdict import UNTOLD, verdict
from qx.kernel.canon import digest
from qx.model.validation import Finding, PackUsed, Validation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.compliance.dated import InForce
    from qx.compliance.screening import Screened
    from qx.compliance.transaction import Transaction
    from qx.model.rules import RulePack

ENGINE = "qx-rules/1"  # raised whenever the same input may come to another answer
TTL = {"high": timedelta(hours=24)}
USUAL_TTL = timedelta(days=7)
ENDS = (("settlementDate", "it settles"), ("permit.expiry", "the permit ends"))  # last days of an answer
LIFE, REFRESH = "its time to live", "the next refresh of the lists"
ID, ID_DIGITS = "qxv1-", 32
TOLD = frozenset({"pass", "not_applicable", "not_in_force"})  # shown only when all findings are asked for


class Rulebook:
    """The packs that hold in one region, compiled."""

    def __init__(self, region: str, jurisdictions: tuple[str, ...], packs: tuple[RulePack, ...]) -> None:
        self.region, self.jurisdictions, self.packs = region, jurisdictions, packs

    @cached_property
    def rules(self) -> tuple[Compiled, ...]:
        return tuple(compile_rule(rule, pack) for pack in self.packs for rule in pack.rules)

    @cached_property
    def weights(self) -> dict[str, int]:
        return {one.rule.id: one.rule.weight for one in self.rules}

    @cached_property
    def used(self) -> tuple[PackUsed, ...]:
        return tuple(
            PackUsed(pack=pack.pack, version=pack.version, digest=digest(msgspec.to_builtins(pack)))
            for pack in self.packs
        )

    @cached_property
    def changes(self) -> tuple[tuple[datetime, str], ...]:
        """Every instant at which any answer may change, in order."""
        return tuple(sorted(change for pack in self.packs for change in dated.changes(pack)))

    def params_at(self, at: datetime) -> dict[str, dict[str, InForce | None]]:
        return {
            pack.pack: {name: dated.in_force(param, pack, at) for name, param in pack.params.items()}
            for pack in self.packs
        }


class Event(NamedTuple):
    at: datetime
    because: str


class Asked(NamedTuple):
    """All that the rules are asked about one transaction with."""

    fields: dict[str, Any]  # and facts
    params: dict[str, dict[str, InForce | None]]  # by pack
    environments: dict[str, dict[str, Any]]  # by pack: fields, facts, parameters

    def judged(self, one: Compiled) -> Finding:
        pack = one.pack.pack
        return judged(one, self.environments[pack], self.fields["asOf"], self.params[pack])


def asked(transaction: Transaction, book: Rulebook, at: datetime, screened: Screened) -> Asked:
    params = book.params_at(at)
    rates = {currency: rate for each in params.values() for currency, rate in rates_of(each).items()}
    fields: dict[str, Any] = {
        **transaction.values, **facts_of(transaction, rates, screened.facts), "asOf": at,
    }  # fmt: skip
    environments = {pack.pack: environment(pack, fields, params[pack.pack]) for pack in book.packs}
    return Asked(fields, params, environments)


def validate(
    transaction: Transaction, book: Rulebook, at: datetime, screened: Screened, *, everything: bool = False
) -> Validation:
    """`everything`: findings also where a rule is simply kept, or does not apply."""
    about = asked(transaction, book, at, screened)
    found = [about.judged(one) for one in book.rules]
    status, score = verdict(found, book.weights)
    expires = min(events(book, about.fields, at, screened.fresh_until), key=lambda event: event.at)
    untold = [each for each in found if each.outcome in UNTOLD and each.severity != "info"]
    return Validation(
        validation_id=identity(transaction, book, at, screened.digest),
        transaction_id=transaction.name,
        region=book.region,
        jurisdictions=book.jurisdictions,
        as_of=text_of(at),
        status=status,
        compliance_score=score,
        expires_at=text_of(expires.at),
        expires_because=expires.because,
        findings=tuple(sorted((each for each in found if everything or each.outcome not in TOLD), key=order)),
        obligations=tuple(
            one_due
            for one, finding in zip(book.rules, found, strict=True)
            if (one_due := due(one, finding, about.environments[one.pack.pack])) is not None
        ),
        missing=tuple(sorted({path for each in untold for path in each.missing})),
        outcomes=dict(sorted(Counter(each.outcome for each in found).items())),
        packs=book.used,
        lists=screened.digest,
        engine=ENGINE,
    )


def identity(transaction: Transaction, book: Rulebook, at: datetime, lists: str) -> str:
    return ID + digest(rests_on(transaction.canonical, book, at, lists))[:ID_DIGITS]


def rests_on(canonical: Mapping[str, Any], book: Rulebook, at: datetime, lists: str) -> dict[str, Any]:
    """All that an answer follows from."""
    return {
        "input": canonical,
        "region": book.region,
        "asOf": text_of(at),
        "packs": [each.digest for each in book.used],
        "lists": lists,
        "engine": ENGINE,
    }


def events(
    book: Rulebook, fields: Mapping[str, Any], at: datetime, fresh_until: datetime | None
) -> Iterator[Event]:
    """What ends this answer: each is later than `at`, but at the end of all days. `fresh_until`: of the lists."""
    life = TTL.get(str(fields.get("kyc.riskRating")), USUAL_TTL)
    yield Event(min(at, EVER - life) + life, LIFE)
    for moment, because in book.changes:
        if moment > at:
            yield Event(moment, because)
            break
    if fresh_until is not None and fresh_until > at:
        yield Event(fresh_until, REFRESH)
    for path, what in ENDS:
        day = fields.get(path)
        if day is not None and day < date.max:
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
            if moment > at:
                yield Event(moment, what)


_RANK = {"block": 0, "flag": 1, "info": 2}


def order(finding: Finding) -> tuple[int, int, str]:
    """Failures first, the heavier first; then by rule."""
    return finding.outcome != "fail", _RANK[finding.severity], finding.rule_id


def text_of(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
