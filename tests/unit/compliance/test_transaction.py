"""Reading a transaction: every spelling one canonical input, what is malformed told, never a traceback."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.compliance.fields import FIELDS
from qx.compliance.selftest import BASE
from qx.compliance.transaction import read
from qx.kernel.errors import QxError


def test_the_base_is_read_whole() -> None:
    found = read(BASE)
    assert found.malformed == {}
    assert found.values["amount"] == Decimal(1_000_000)
    assert found.canonical["amount"] == "1000000"
    assert found.values["counterparty.owners"][0]["pct"] == 100  # type: ignore[index]
    assert found.name == "TXN-1"


@pytest.mark.parametrize("spelling", ["1000.50", "1000.5", "+1000.500", Decimal("1000.5"), 1000.5, " 1000.5 "])
def test_one_number_has_one_canonical_form(spelling: Any) -> None:
    assert read({"amount": spelling}).canonical == {"amount": "1000.5"}


@pytest.mark.parametrize("spelling", ["2026-11-22T09:00:00Z", "2026-11-22T12:00:00+03:00", "2026-11-22 09:00:00z"])
def test_one_instant_has_one_canonical_form(spelling: str) -> None:
    assert read({"executionTs": spelling}).canonical == {"executionTs": "2026-11-22T09:00:00Z"}


def test_a_counterparty_may_be_its_name_alone() -> None:
    assert read({"counterparty": "ENERGY_CORP_BH"}).values == {"counterparty.name": "ENERGY_CORP_BH"}


@pytest.mark.parametrize(("path", "value", "why"), [
    ("amount", "NaN", "plain digits"), ("amount", "1e3", "plain digits"), ("amount", "Infinity", "plain digits"),
    ("amount", Decimal("1E+999999"), "digits"), ("amount", 10**31, "digits"), ("amount", True, "a number is wanted"),
    ("amount", [1], "a number is wanted"), ("amount", "=1+1", "plain digits"), ("amount", Decimal("1E-13"), "smaller"),
    ("currency", "USX", "ISO 4217"), ("currency", 5, "ISO 4217"), ("originCountry", "XX", "ISO 3166"),
    ("settlementDate", "2026-02-30", "no such day"), ("settlementDate", "soon", "an instant is wanted"),
    ("executionTs", "2026-11-22T25:00:00Z", "no such instant"), ("transactionType", "barter", "not one of"),
    ("islamic", "maybe", "true or false"), ("transactionId", "a\x1b[31mb", "control characters"),
    ("transactionId", "\ud800", "control characters"), ("transactionId", "", "1 to 4000"),
    ("counterparty.aliases", "x", "a list"), ("counterparty.owners", [1], "not an object"),
    ("counterparty.owners", [{"name": "A", "share": 1}], "is not known"),
    ("counterparty.owners", [{"pct": "half"}], "item 0, pct"),
])  # fmt: skip
def test_what_is_no_value_of_its_field_is_malformed_and_missing(path: str, value: Any, why: str) -> None:
    *above, last = path.split(".")
    found = read({above[0]: {last: value}} if above else {last: value})
    assert why in found.malformed[path]
    assert path not in found.values
    assert path in found.canonical


@pytest.mark.parametrize("document", [[], "x", 1, None, True])
def test_what_is_no_object_is_no_transaction(document: Any) -> None:
    with pytest.raises(QxError) as refused:
        read(document)
    assert refused.value.code == "QX-TXN-001"


def test_an_unknown_field_is_refused_with_a_hint() -> None:
    with pytest.raises(QxError) as refused:
        read({"amonut": 1})
    assert (refused.value.code, "'amount'" in refused.value.hint) == ("QX-TXN-002", True)
    assert read({"amonut": 1}, lenient=True).values == {}
    with pytest.raises(QxError, match="is a group of fields"):
        read({"kyc": "done"}, lenient=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=True) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted({path.split(".")[0] for path in FIELDS})), JSON, max_size=6))
def test_whatever_stands_in_it_it_is_read_or_refused(document: dict[str, Any]) -> None:
    try:
        found = read(document, lenient=True)
    except QxError:
        return
    assert not found.values.keys() & found.malformed.keys()
    assert read(_again(found.canonical), lenient=True).canonical == found.canonical


def _again(canonical: dict[str, Any]) -> dict[str, Any]:
    """The canonical input as a document."""
    made: dict[str, Any] = {}
    for path, value in canonical.items():
        *above, last = path.split(".")
        at = made
        for key in above:
            at = at.setdefault(key, {})
        at[last] = value
    return made
