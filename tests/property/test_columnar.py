"""Laws of judging many rows at once: whatever the transactions, the rules and the moment, each row is told what it is
told alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.compliance.columnar import operations
from qx.compliance.columnar.column import Chunk
from qx.compliance.columnar.evaluate import Judge
from qx.compliance.dated import value_of
from qx.compliance.fields import FIELDS, RECORDS
from qx.compliance.judge import kinds_of
from qx.compliance.language import check, parse
from qx.compliance.selftest import AS_OF, BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import Rulebook
from qx.model.rules import Citation, Param, Rule, RulePack, Window
from tests.unit.compliance.alike import ALL, alike, answers, desk, judge, screening

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
REGIONS = ("us-east", "eu-west", "bahrain", "guyana", "me-central", ALL)


@lru_cache
def numbers() -> tuple[Decimal, ...]:
    """Every number that any pack compares with."""
    found = {Decimal(0), Decimal(1), Decimal(100)}
    for pack in desk().packs:
        for param in pack.params.values():
            found |= {value for window in param.windows if isinstance(value := value_of(window), Decimal)}
    return tuple(sorted(found))


@lru_cache
def words() -> tuple[str, ...]:
    found = {"", "RU", "XOFF", "CL", "ng", "Rosneft", "senior_management", "salam", "2709.00", "5493001KJTIIGC8Y1R12"}
    for pack in desk().packs:
        for param in pack.params.values():
            for window in param.windows:
                found |= set(window.value[:4]) if isinstance(window.value, tuple) else set()
    return tuple(sorted(found))


steps = st.sampled_from(["0", "0.01", "-0.01", "0.000000000001", "-0.000000000001", "1"]).map(Decimal)
factors = st.sampled_from(["1", "1", "1", "-1", "0.376", "3.6725", "0.5", "3"]).map(Decimal)
plain = st.builds(
    lambda pick, step, factor: format(numbers()[pick % len(numbers())] * factor + step, "f"),
    st.integers(0, 10_000),
    steps,
    factors,
)
odd = st.sampled_from(["12345678901234567890", "0.123456789012", "99999999999999999999999999999.9", "-0", "1e5", ""])
amounts = st.one_of(plain, plain, plain, odd, st.integers(-10, 10**20), st.decimals(-1000, 1000, places=2))
days = st.one_of(
    st.sampled_from(["2026-11-22", "2026-11-21", "2023-11-22", "9999-12-31", "0001-01-01", "2026-02-30", "2024-02-29"]),
    st.dates().map(str),
)
moments = st.one_of(
    st.sampled_from(["2026-11-22T09:00:00Z", "2026-11-21T23:30:00-05:00", "2026-11-22", "9999-12-31T23:59:59Z"]),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
)
texts = st.one_of(st.builds(lambda pick: words()[pick % len(words())], st.integers(0, 10_000)), st.text(max_size=5))
wrong = st.one_of(
    st.booleans(), st.just([]), st.just({"a": 1}), st.integers(), st.text(max_size=3), st.just(["x", None])
)  # fmt: skip


def of_kind(kind: str, words_of: tuple[str, ...] = ()) -> st.SearchStrategy[Any]:
    """Raw values of a field, most of them sound."""
    return {
        "text": texts, "decimal": amounts, "bool": st.booleans(), "day": days, "instant": moments,
        "country": st.sampled_from(["US", "BH", "RU", "KP", "IR", "GB", "ve", "XX"]),
        "currency": st.sampled_from(["USD", "EUR", "BHD", "AED", "GYD", "GBP", "JPY", "usd", "XXQ"]),
        "choice": st.sampled_from([*words_of, "other"]), "texts": st.lists(texts, max_size=3),
    }[kind]  # fmt: skip


def of_path(path: str) -> st.SearchStrategy[Any]:
    field = FIELDS[path]
    if field.kind != "records":
        return of_kind(field.kind, field.words)
    one = st.fixed_dictionaries({}, optional={key: of_kind(each.kind) for key, each in RECORDS[path].items()})
    return st.lists(one, max_size=3)


changes = st.sampled_from(sorted(FIELDS)).flatmap(
    lambda path: st.tuples(st.just(path), st.one_of(of_path(path), of_path(path), of_path(path), st.none(), wrong))
)
sums = st.builds(
    lambda quantity, price, off: {
        "quantity": str(quantity), "unitPrice": str(price), "amount": format(quantity * price * off, "f"),
    },
    st.decimals(1, 10**6, places=2), st.decimals(1, 200, places=4),
    st.sampled_from(["1", "1", "1.001", "0.999", "1.0010010010010010010"]).map(Decimal),
)  # fmt: skip
documents = st.builds(
    lambda given, equal: laid_over(BASE, {**equal, **dict(given)}),
    st.lists(changes, max_size=14),
    st.one_of(st.just({}), sums),
)
ats = st.one_of(
    st.none(),
    st.integers(0, 20 * 365 * 86_400).map(lambda seconds: EARLIEST + timedelta(seconds=seconds)),
    st.builds(
        lambda pick, off: judge(ALL).edges[pick % len(judge(ALL).edges)] + timedelta(microseconds=off),
        st.integers(0, 10_000),
        st.integers(-1, 1),
    ),
)
counts = st.sampled_from([0, operations.FEW])
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
long = settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))


@contextmanager
def few(distinct: int) -> Iterator[None]:
    """So many distinct numbers are compared one by one; more as doubles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(operations, "FEW", distinct)
        yield


def check_packs(region: str, raws: list[dict[str, Any]], at: datetime | None) -> None:
    of, transactions = judge(region), [read(each) for each in raws]
    chunk = Chunk.of(transactions)
    assert [chunk.transaction(row) for row in range(chunk.rows)] == transactions
    whole = answers(alike(of, transactions, AS_OF, at), of, len(transactions))
    backwards = answers(of.judged(Chunk.of(transactions[::-1]), AS_OF, at), of, len(transactions))
    assert backwards[::-1] == whole


@quick
@given(st.sampled_from(REGIONS), st.lists(documents, min_size=1, max_size=4), ats, counts)
def test_columns_say_what_closures_say(
    region: str, raws: list[dict[str, Any]], at: datetime | None, fews: int
) -> None:
    with few(fews):
        check_packs(region, raws, at)


@pytest.mark.slow
@long
@given(st.sampled_from(REGIONS), st.lists(documents, min_size=1, max_size=20), ats, counts)
def test_columns_say_what_closures_say_of_many(
    region: str, raws: list[dict[str, Any]], at: datetime | None, fews: int
) -> None:
    with few(fews):
        check_packs(region, raws, at)


# Rules that no pack has: every operator and function, on fields that the transactions below have or have not.
PARAMS = {
    "number": Param(windows=(Window(to="2026-01-01", value="5"), Window(from_="2026-01-01", value="0.1"))),
    "long": Param(windows=(Window(value="1.00000000000000000001"),)),
    "none": Param(windows=(Window(to="2001-01-01", value="1"),)),
    "day": Param(windows=(Window(value="2026-11-21"),)), "word": Param(windows=(Window(value="USD"),)),
    "words": Param(windows=(Window(value=("USD", "crude_oil", "x")),)),
}  # fmt: skip
LEAVES = {
    "decimal": ("amount", "quantity", "unitPrice", "linkedAmount", "facts.linked", "facts.linkedUsd", "facts.linkedBhd",
                "facts.listedOwned", "0", "1", "0.1", "100", 'param("number")', 'param("long")', 'param("none")'),
    "text": ("currency", "unit", "priceUnit", "counterparty.name", "venue", '"USD"', '"x"', 'param("word")'),
    "texts": ("counterparty.aliases", "kyc.approvals", "facts.countries", "facts.badLeis", "facts.malformed",
              'param("words")', '["USD", "x"]'),
    "day": ("tradeDate", "settlementDate", "permit.expiry", 'param("day")'),
    "instant": ("executionTs", "asOf", "flare.requestedAt"),
    "bool": ("islamic", "cleared", "kyc.pep", "facts.screened", "facts.listedControl", "true", "false"),
}  # fmt: skip
FIELD = tuple(
    leaf
    for leaves in LEAVES.values()
    for leaf in leaves
    if leaf.replace(".", "").isalpha() and leaf not in ("true", "false")
)
SHAPES = ("({} + {})", "({} - {})", "({} * {})", "({} / {})", "min({}, {})", "max({}, {})")
WITHIN = ("({0} in {1})", "({0} not in {1})", "any_in([{0}], {1})", "any_in({1}, {1})")


@st.composite
def expressions(draw: st.DrawFn, kind: str, depth: int) -> str:
    """One of this kind."""
    if depth == 0 or draw(st.integers(0, 9)) < 2:
        return draw(st.sampled_from(LEAVES[kind]))

    def of(inner: str) -> str:
        return draw(expressions(inner, depth - 1))

    if kind != "texts" and draw(st.integers(0, 9)) == 0:
        return f"default({of(kind)}, {of(kind)})"
    match kind:
        case "bool":
            return _condition(draw, of)
        case "decimal":
            shape = draw(st.sampled_from(SHAPES))
            some = draw(st.integers(0, 9))
            if some == 0:
                return f"days_between({of('day')}, {of('day')})"
            if some == 1:
                return f"len({of(draw(st.sampled_from(['text', 'texts'])))})"
            return f"abs(-{of(kind)})" if some == 2 else shape.format(of(kind), of(kind))
        case "text":
            return f"lower({of(kind)})"
        case "day":
            shape = draw(st.sampled_from(["day({})", "local_day({})", "years_before({}, 3)"]))
            return shape.format(of("day" if shape.startswith("years") else "instant"))
        case "texts":
            return f"[{of('text')}, {of('text')}]"
    return draw(st.sampled_from(LEAVES[kind]))


def _condition(draw: st.DrawFn, of: Any) -> str:
    some = draw(st.integers(0, 9))
    if some < 3:
        return f"({of('bool')} {draw(st.sampled_from(['and', 'or']))} {of('bool')})"
    if some < 4:
        return f"(not {of('bool')})"
    if some < 5:
        return f"known({draw(st.sampled_from(FIELD))})"
    if some < 6:
        return draw(st.sampled_from(WITHIN)).format(of("text"), of("texts"))
    if some < 7:
        return draw(st.sampled_from(["startswith({}, {})", "({} == {})", "({} != {})"])).format(of("text"), of("text"))
    kind = draw(st.sampled_from(["decimal", "decimal", "decimal", "day", "instant", "bool"]))
    ops = ["==", "!="] if kind == "bool" else ["==", "!=", "<", "<=", ">", ">="]
    return f"({of(kind)} {draw(st.sampled_from(ops))} {of(kind)})"


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    since = draw(st.sampled_from(["", "", "", "2026-06-01"]))
    return Rule(
        id="T", title="t", jurisdiction="*", citation=Citation(body="house"), status="house",
        severity=draw(st.sampled_from(["block", "flag", "info"])), weight=draw(st.integers(0, 60)),
        effective_from=since,
        applies_when=draw(st.one_of(st.just(""), expressions("bool", 2).filter(lambda text: "/" not in text))),
        predicate=draw(expressions("bool", 4)), message="m",
        needs=draw(st.one_of(st.just(()), st.lists(st.sampled_from(FIELD), max_size=2).map(tuple))),
        on_missing=draw(st.sampled_from(["indeterminate", "not_applicable", "fail"])),
    )  # fmt: skip


ANCIENT = "1500-01-01T00:00:00.000001Z"
SOME = ("0", "1", "0.1", "100", "1.00000000000000000001", "5.000000000001", "-3", "33.3", "7", None)
small = st.fixed_dictionaries(
    {},
    optional={
        **{path: st.sampled_from(SOME) for path in ("amount", "quantity", "unitPrice", "linkedAmount")},
        "currency": st.sampled_from(["USD", "BHD", "JPY", "EUR"]), "unit": st.sampled_from(["BBL", "MT"]),
        "priceUnit": st.sampled_from(["BBL", "USD", "x"]), "venue": st.sampled_from(["x", "XOFF"]),
        "counterparty.name": st.sampled_from(["x", "usd", "UsD"]), "islamic": st.booleans(), "cleared": st.booleans(),
        "kyc.pep": st.booleans(), "counterparty.aliases": st.lists(st.sampled_from(["x", "USD"]), max_size=2),
        "kyc.approvals": st.just(["x"]), "tradeDate": st.sampled_from(["2026-11-21", "2026-11-22", "9999-12-31"]),
        "settlementDate": st.sampled_from(["2026-11-21", "2026-11-23"]), "permit.expiry": st.just("2023-11-21"),
        "executionTs": st.sampled_from(["2026-11-21T22:00:00Z", "2026-11-22T09:00:00Z", ANCIENT]),
        "flare.requestedAt": st.sampled_from(["2026-11-22T09:00:00Z", "2026-11-22T09:00:00.000001Z"]),
        "asOf": st.sampled_from(["2026-11-22T09:00:00Z", "2025-12-31T23:00:00Z", ANCIENT]),
        "originCountry": st.sampled_from(["US", "KP", "nowhere"]), "counterparty.lei": st.just("bad"),
    },
)  # fmt: skip


def check_rules(made: list[Rule], raws: list[dict[str, Any]]) -> None:
    pack = RulePack(
        pack="test", version="1", schema="qx-rulepack/1", title="t", jurisdictions=("*",),
        timezone="America/New_York", review_by="2030-01-01", params=PARAMS,
        rules=tuple(replace(rule, id=f"T-{number}") for number, rule in enumerate(made)),
    )  # fmt: skip
    for rule in pack.rules:
        for text in (rule.predicate, rule.applies_when or "true"):
            assert check(parse(text), kinds_of(pack)) is None, text
    of = Judge(Rulebook("test", ("*",), (pack,)), screening())
    alike(of, [read(laid_over({}, each)) for each in raws], AS_OF)


@quick
@given(st.lists(rules(), min_size=1, max_size=6), st.lists(small, min_size=1, max_size=12), counts)
def test_no_rule_that_can_be_written_is_told_otherwise(made: list[Rule], raws: list[dict[str, Any]], fews: int) -> None:
    with few(fews):
        check_rules(made, raws)


@pytest.mark.slow
@long
@given(st.lists(rules(), min_size=1, max_size=6), st.lists(small, min_size=1, max_size=12), counts)
def test_no_rule_that_can_be_written_is_told_otherwise_of_many(
    made: list[Rule], raws: list[dict[str, Any]], fews: int
) -> None:
    with few(fews):
        check_rules(made, raws)
