"""Numbers over columns: what a double cannot tell is in doubt, and then told exactly."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from qx.compliance.columnar import facts, operations, values
from qx.compliance.columnar.column import Chunk
from qx.compliance.columnar.evaluate import Judge
from qx.compliance.selftest import AS_OF, laid_over
from qx.compliance.transaction import Transaction, read
from qx.compliance.validate import Rulebook
from qx.model.rules import Citation, Param, Rule, RulePack, Window
from tests.unit.compliance.alike import alike, answers, screening

CONDITIONS = (
    "amount {} quantity", "amount {} param('limit')", "amount {} 0.1", "amount + quantity {} linkedAmount",
    "linkedAmount - quantity {} amount", "amount * unitPrice {} sharia.paidPct", "sharia.paidPct / amount {} unitPrice",
    "abs(-amount) {} max(quantity, 1)", "min(amount, quantity) {} 1", "facts.linkedUsd {} param('limit')",
    "facts.linkedBhd {} quantity", "facts.linked / facts.linkedUsd {} 1", "1 / (amount - quantity) {} 0",
    "default(linkedAmount, amount * 1) {} amount", "0 * amount / (quantity - amount) {} 0",
)  # fmt: skip
OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
NEAR = (
    "0", "1", "0.1", "5", "1000", "0.3", "99999999.99", "123456789012345", "1234567890123456", "12345678901234567890",
    "33.333333333333", "-7.25", "99999999999999999999999999999",
)  # fmt: skip
OFF = ("0", "0", "0.000000000001", "-0.000000000001", "0.00000001", "1")


def rows(count: int) -> list[Transaction]:
    """Transactions of which sums, products and quotients are nearly what others of their fields are."""
    made = random.Random(7)

    def near(value: Decimal) -> str:
        places = value.quantize(Decimal("1e-12")) if value.adjusted() < 15 else value
        return format(places + Decimal(made.choice(OFF)), "f")

    found = []
    for _ in range(count):
        amount, price = Decimal(made.choice(NEAR)), Decimal(made.choice(("3", "0.7", "1.000000000001", "80.25")))
        quantity = Decimal(near(amount))
        given: dict[str, Any] = {
            "amount": near(amount), "quantity": format(quantity, "f"), "unitPrice": str(price),
            "linkedAmount": made.choice((near(amount + quantity), None)), "sharia.paidPct": near(amount * price),
            "currency": made.choice(("USD", "USD", "BHD", "EUR", "JPY")),
        }  # fmt: skip
        found.append(read(laid_over({}, given)))
    return found


def judge_of(conditions: list[str]) -> Judge:
    numbers = {"limit": "0.3", "per_usd_bhd": "0.376", "per_usd_eur": "0.91"}
    pack = RulePack(
        pack="test", version="1", schema="qx-rulepack/1", title="t", jurisdictions=("*",), timezone="UTC",
        review_by="2030-01-01", params={name: Param(windows=(Window(value=value),)) for name, value in numbers.items()},
        rules=tuple(
            Rule(id=f"T-{number}", title="t", jurisdiction="*", citation=Citation(body="house"), status="house",
                 severity="flag", predicate=condition, message="m")
            for number, condition in enumerate(conditions)
        ),
    )  # fmt: skip
    return Judge(Rulebook("test", ("*",), (pack,)), screening())


EVERY = [condition.format(op) for condition in CONDITIONS for op in OPERATORS]


@pytest.mark.parametrize("few", [0, operations.FEW])
def test_what_nearly_ties_is_told_as_it_is_alone(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "FEW", few)
    evaluated = alike(judge_of(EVERY), rows(60), AS_OF)
    assert evaluated.doubtful > 0


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [(operations, "ULP", 0.0), (facts, "CONVERSION", 0.0), (values, "EXACT_DIGITS", 40)],
)
def test_a_bound_that_is_too_narrow_is_found_out(
    module: Any, name: str, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: each of its bounds is needed."""
    of, transactions = judge_of(EVERY), rows(150)
    chunk = Chunk.of(transactions)
    monkeypatch.setattr(operations, "FEW", 0)
    right = answers(of.judged(chunk, AS_OF), of, chunk.rows)
    monkeypatch.setattr(module, name, value)
    if name == "CONVERSION":
        monkeypatch.setattr(facts, "QUANTUM", 0.0)
    if name == "ULP":
        monkeypatch.setattr(operations, "TINIEST", 0.0)
    assert answers(of.judged(chunk, AS_OF), of, chunk.rows) != right


def test_numbers_that_need_no_doubt_raise_none() -> None:
    """At most 15 digits, compared as they are: however near, a double tells them apart."""
    given = [{"amount": amount, "quantity": "99999999.9999999"} for amount in ("99999999.9999999", "99999999.9999998")]
    of = judge_of([f"amount {op} quantity" for op in OPERATORS])
    assert alike(of, [read(laid_over({}, each)) for each in given], AS_OF).doubtful == 0
