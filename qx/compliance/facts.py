"""Facts: what follows from a transaction's fields before any rule is asked, so that rules can speak of it.

Each says which fields it rests on: a rule that speaks of a fact needs those. Pure, and of few fields each, so that a
batch reckons one once for each distinct value.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from qx.compliance.fields import COUNTRIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qx.compliance.dated import InForce
    from qx.compliance.transaction import Transaction

CURRENCIES = ("USD", "EUR", "GBP", "BHD", "AED", "GYD")
OWNERS = ("counterparty.owners",)
ANY = ""
LAWS = (ANY, "US", "EU", "UK")  # under which an owner may be listed: under any, or under that one
RATE = "per_usd_"  # parameters of the packs: how much of a currency one dollar is


class Fact(NamedTuple):
    kind: Literal["text", "decimal", "bool", "day", "instant", "texts"]
    about: str
    rests_on: tuple[str, ...]  # without these it is missing


HELD: dict[str, tuple[Literal["decimal", "bool"], str]] = {
    "Owned": ("decimal", "% that listed parties hold in sum; missing where unknown stakes decide about 50"),
    "Least": ("decimal", "% that listed parties hold in sum at the least"),
    "Largest": ("decimal", "% of the largest single listed holder; missing where unknown stakes decide about 50"),
    "Control": ("bool", "a listed party controls the counterparty otherwise"),
}
UNDER = {ANY: "by any list", "US": "by OFAC or the UN", "EU": "by the EU or the UN", "UK": "by the UK or the UN"}


def fact_name(held: str, law: str) -> str:
    """`held`: of HELD."""
    return f"facts.listed{held}{law.title()}"


FACTS: dict[str, Fact] = {
    "facts.malformed": Fact("texts", "fields that are not what they must be", ()),
    "facts.badIdentifiers": Fact("texts", "IMO, IBAN, BIC and ISIN whose check digits or form are wrong", ()),
    "facts.badLeis": Fact("texts", "LEIs that are no LEI by ISO 17442", ()),
    "facts.countries": Fact("texts", "every country that it names, its counterparty's and owners' too", ()),
    "facts.attested": Fact("texts", "what its attestations attest", ()),
    "facts.linked": Fact("decimal", "the amount with its linked ones, in its currency", ("amount",)),
    **{
        f"facts.linked{currency.title()}": Fact("decimal", f"that in {currency}", ("amount", "currency"))
        for currency in CURRENCIES
    },
    "facts.monthCashGyd": Fact("decimal", "payment.monthCashTotal in GYD", ("payment.monthCashTotal", "currency")),
    "facts.copies": Fact("decimal", "transactions of its batch with its id; missing where it stands once", ()),
    "facts.screened": Fact("bool", "every name was held against whole and fresh lists", ("counterparty.name",)),
    "facts.confirmed": Fact("texts", "names that are a listed party's", ("counterparty.name",)),
    "facts.possible": Fact("texts", "names that may be a listed party's", ("counterparty.name",)),
    "facts.sectoral": Fact("texts", "names that are under sectoral limits only", ("counterparty.name",)),
    "facts.confirmedAs": Fact("texts", "the listed parties' own names, normalised", ("counterparty.name",)),
    "facts.clearedBy": Fact("texts", "who cleared matches of its names, in small letters", ("counterparty.name",)),
    "facts.vesselListed": Fact("bool", "the ship stands on a list, by its IMO number", ("vessel.imo",)),
    **{
        fact_name(what, law): Fact(kind, f"{about}: listed {UNDER[law]}", OWNERS)
        for law in LAWS
        for what, (kind, about) in HELD.items()
    },
}


def rates_of(params: Mapping[str, InForce | None]) -> dict[str, Decimal]:
    """By currency: how much of it a dollar is, by a pack's parameters in force."""
    found = {"USD": Decimal(1)}
    for name, one in params.items():
        if name.startswith(RATE) and one is not None and isinstance(one.value, Decimal):
            found[name.removeprefix(RATE).upper()] = one.value
    return found


def facts_of(transaction: Transaction, rates: Mapping[str, Decimal], screened: Mapping[str, Any]) -> dict[str, Any]:
    """`rates`: of one dollar, by currency; `screened`: the facts that screening found, by name."""
    values = transaction.values
    return {
        "facts.malformed": tuple(sorted(transaction.malformed)),
        **{name: listed(values) for name, listed in LISTED.items()},
        **screened,
        **amounts_of(values, rates),
    }


def amounts_of(values: Mapping[str, Any], rates: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Of one transaction's fields, in its currency and in others."""
    found: dict[str, Decimal] = {}
    linked = values.get("linkedAmount", values.get("amount"))
    if isinstance(linked, Decimal):
        found["facts.linked"] = linked
        for currency in CURRENCIES:
            converted = _converted(linked, str(values.get("currency", "")), currency, rates)
            if converted is not None:
                found[f"facts.linked{currency.title()}"] = converted
    cash = values.get("payment.monthCashTotal")
    if isinstance(cash, Decimal):
        converted = _converted(cash, str(values.get("currency", "")), "GYD", rates)
        if converted is not None:
            found["facts.monthCashGyd"] = converted
    return found


def _converted(amount: Decimal, of: str, to: str, rates: Mapping[str, Decimal]) -> Decimal | None:
    if of == to:
        return amount
    if of not in rates or to not in rates:
        return None
    with localcontext() as context:
        context.prec = 50
        return (amount * rates[to] / rates[of]).quantize(Decimal("1e-9"))


def is_lei(text: str) -> bool:
    from stdnum import lei

    return bool(lei.is_valid(text))


def _bad_identifiers(values: Mapping[str, Any]) -> Iterator[str]:
    from stdnum import bic, iban, imo, isin

    checks = {
        "vessel.imo": imo.is_valid, "counterparty.bic": bic.is_valid, "payment.bic": bic.is_valid,
        "isin": isin.is_valid,
    }  # fmt: skip
    for path, check in checks.items():
        if path in values and not check(str(values[path])):
            yield path
    for path in ("payment.originator.account", "payment.beneficiary.account"):
        account = str(values.get(path, ""))
        if account[:2].isalpha() and account[2:4].isdigit() and not iban.is_valid(account):  # it means to be an IBAN
            yield path


def _bad_leis(values: Mapping[str, Any]) -> Iterator[str]:
    for path in ("counterparty.lei", "ourEntity.lei"):
        if path in values and not is_lei(str(values[path])):
            yield path


def _attested(values: Mapping[str, Any]) -> Iterator[str]:
    return (str(each["kind"]) for each in _records(values, "attestations") if "kind" in each)


def _countries(values: Mapping[str, Any]) -> Iterator[str]:
    for path in COUNTRIES:
        if path in values:
            yield str(values[path])
    for owner in _records(values, "counterparty.owners"):
        if "country" in owner:
            yield str(owner["country"])


def _records(values: Mapping[str, Any], path: str) -> tuple[Mapping[str, Any], ...]:
    found = values.get(path, ())
    return found if isinstance(found, tuple) else ()


LISTED: dict[str, Callable[[Mapping[str, Any]], tuple[str, ...]]] = {  # of one transaction's fields, or of one field
    "facts.badIdentifiers": lambda values: tuple(_bad_identifiers(values)),
    "facts.badLeis": lambda values: tuple(_bad_leis(values)),
    "facts.countries": lambda values: tuple(sorted(set(_countries(values)))),
    "facts.attested": lambda values: tuple(_attested(values)),
}
