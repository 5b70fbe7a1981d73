"""Predicates: their kinds are known before they are evaluated; what is missing is neither true nor false."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from qx.compliance.closure import compiled
from qx.compliance.language import check, parse, paths_in
from qx.kernel.expr_value import MISSING

PARAMS: dict[str, Any] = {"limit": "decimal", "grey": "texts"}
ENV = {
    "amount": Decimal("1000.00"), "currency": "USD", "kyc.status": "verified", "kyc.reviewedAt": date(2024, 2, 29),
    "asOf": datetime(2026, 11, 22, 9, tzinfo=UTC), "facts.countries": ("BH", "SA"), "islamic": False,
    "param:limit": Decimal(1000), "param:grey": ("SA", "KW"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), [
    ('amount <= param("limit")', True), ('amount < param("limit")', False), ("amount == 1000", True),
    ("amount * 2 - 1 == 1999", True), ("amount / 4 == 250", True), ("-amount < 0", True),
    ("abs(0 - amount) == 1000", True),
    ('any_in(facts.countries, param("grey"))', True), ('"KW" in facts.countries', False),
    ('currency not in ["USD", "EUR"]', False), ("kyc.reviewedAt >= years_before(day(asOf), 3)", True),
    ("kyc.reviewedAt >= years_before(day(asOf), 2)", False),
    ("years_before(kyc.reviewedAt, 1) == kyc.reviewedAt", False),
    ("days_between(kyc.reviewedAt, day(asOf)) == 997", True), ("len(facts.countries) == 2", True),
    ('lower(currency) == "usd"', True), ('startswith(currency, "US")', True), ("max(amount, 5) == 1000", True),
    ("known(quantity)", False), ("default(quantity, 3) == 3", True), ("quantity > 1", MISSING),
    ("not (quantity > 1)", MISSING), ("quantity > 1 or amount > 1", True), ("quantity > 1 and amount < 1", False),
    ("quantity > 1 and amount > 1", MISSING), ("islamic or quantity > 1", MISSING),
])  # fmt: skip
def test_what_it_comes_to(text: str, value: Any) -> None:
    tree = parse(text)
    assert check(tree, PARAMS) is None
    assert compiled(tree)(ENV) is value


@pytest.mark.parametrize(("text", "about"), [
    ("amount", "this is a number, not a condition"), ('amount == "x"', "compares a number with a text"),
    ("currency < currency", "compares a text by <"), ("amonut > 1", "did you mean 'amount'"),
    ('param("grey") > 1', "compares a list with a number"), ("param(amount) > 1", "a name in quotes"),
    ('param("limt") > 1', "did you mean 'limit'"), ("amount in facts.countries", "this is a number, not a text"),
    ("amount % 2 == 0", "means nothing here"), ("attestations[0] == 1", "by a key"),
    ("day(settlementDate) == settlementDate", "this is a day, not an instant"), ("not amount", "not a condition"),
    ("known(1) or islamic", "no field or fact"), ("islamic == islamic and 1", "not a condition"),
])  # fmt: skip
def test_what_cannot_be_said_is_told_before_a_transaction_comes(text: str, about: str) -> None:
    wrong = check(parse(text), PARAMS)
    assert wrong is not None
    assert about in f"{wrong.message}; {wrong.hint}"


def test_division_by_zero_is_an_error_not_an_answer() -> None:
    with pytest.raises(ZeroDivisionError):
        compiled(parse("1 / (amount - 1000) > 1"))(ENV)


def test_paths_are_found_wherever_they_stand() -> None:
    tree = parse('default(kyc.status, currency) == "x" or not (amount + quantity in [currency])')
    assert list(paths_in(tree)) == ["kyc.status", "currency", "amount", "quantity", "currency"]
