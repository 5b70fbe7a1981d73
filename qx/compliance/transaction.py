"""A transaction's document -> Transaction: typed values by path, what is malformed, and the canonical input.

A value that is not what its field must be is kept as malformed and missing: that is for a rule to judge, not for a
parser. Only what is no transaction at all is refused. Invariants: no float, no clock; two spellings of one transaction
(JSON numbers or texts, 1000 or 1000.00, an offset or Z) have one canonical input. Pure.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from qx.compliance.fields import FIELDS, RECORDS
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qx.compliance.fields import Field

    Record = Mapping[str, Any]
    Value = str | Decimal | bool | date | datetime | tuple[str, ...] | tuple[Record, ...]

WHOLE_DIGITS, PLACES = 30, 12  # of a decimal
LONGEST_TEXT, MOST_ITEMS = 4000, 1000  # characters, items of a list
DEEPEST = 6
_PLAIN = re.compile(r"[+-]?\d{1,60}(?:\.\d{1,60})?\Z", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d{2}:\d{2})\Z", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class Malformed(ValueError):
    """A value that is not what its field must be, and why."""


class Transaction(NamedTuple):
    """`canonical`: path -> text, a list of texts or of such mappings, for the id and the record."""

    values: dict[str, Value]
    malformed: dict[str, str]  # path -> why
    canonical: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.values.get("transactionId", ""))

    @property
    def as_of(self) -> datetime | None:
        found = self.values.get("asOf")
        return found if isinstance(found, datetime) else None


def read(document: Any, *, lenient: bool = False) -> Transaction:
    """Raises QX-TXN-001 where it is no mapping or too deep, QX-TXN-002 for an unknown field unless `lenient`."""
    if not isinstance(document, dict):
        raise QxError("QX-TXN-001", f"a transaction is an object, not {_kind(document)}")
    values: dict[str, Value] = {}
    malformed: dict[str, str] = {}
    canonical: dict[str, Any] = {}
    for path, value in _leaves(document, lenient=lenient):
        if value is None:
            continue
        found = typed(path, value)
        canonical[path] = found.canonical
        if found.value is None:
            malformed[path] = found.why
        else:
            values[path] = found.value
    return Transaction(values, malformed, dict(sorted(canonical.items())))


class Typed(NamedTuple):
    """`value`: None where it is malformed, and `why`. `canonical`: also of what is malformed."""

    value: Value | None
    canonical: Any
    why: str = ""


def typed(path: str, raw: Any) -> Typed:
    """One field's value, which is not null. Of equal raw values, of one type, always the same."""
    field = FIELDS[path]
    try:
        value, text = _records(path, raw) if field.kind == "records" else _typed(field, raw)
    except Malformed as error:
        return Typed(None, _as_it_is(raw), str(error))
    return Typed(value, text)


def _leaves(document: dict[str, Any], *, lenient: bool) -> Iterator[tuple[str, Any]]:
    """(path, value); a counterparty may be its name alone."""
    if isinstance(document.get("counterparty"), str):
        document = {**document, "counterparty": {"name": document["counterparty"]}}
    groups = _groups()
    waiting: list[tuple[str, dict[str, Any]]] = [("", document)]
    while waiting:
        above, mapping = waiting.pop()
        if above.count(".") > DEEPEST:
            raise QxError("QX-TXN-001", f"nested more than {DEEPEST} deep")
        for key, value in mapping.items():
            path = f"{above}{key}"
            if path in FIELDS:
                yield path, value
            elif path in groups and isinstance(value, dict):
                waiting.append((f"{path}.", value))
            elif path in groups and value is None:
                continue
            elif not lenient or path in groups:
                shown = _shown(path)
                said = "is a group of fields" if path in groups else "is no field of a transaction"
                near = did_you_mean(shown, FIELDS)
                hint = near if near.startswith("did you mean") else "--lenient passes over what is not known"
                raise QxError("QX-TXN-002", f"{shown} {said}", hint=hint)


@lru_cache(maxsize=1)
def _groups() -> frozenset[str]:
    return frozenset(path.rsplit(".", number)[0] for path in FIELDS for number in range(1, path.count(".") + 1))


def _records(path: str, value: Any) -> tuple[tuple[Record, ...], list[dict[str, Any]]]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_ITEMS:
        raise Malformed(f"a list of at most {MOST_ITEMS} is wanted")
    typed: list[Record] = []
    texts: list[dict[str, Any]] = []
    for number, each in enumerate(value):
        if not isinstance(each, dict):
            raise Malformed(f"item {number} is {_kind(each)}, not an object")
        one: dict[str, Any] = {}
        text: dict[str, Any] = {}
        for key, inner in each.items():
            if key not in RECORDS[path]:
                raise Malformed(f"item {number}: {_shown(key)} is not known; {', '.join(RECORDS[path])} are")
            if inner is not None:
                try:
                    one[key], text[key] = _typed(RECORDS[path][key], inner)
                except Malformed as error:
                    raise Malformed(f"item {number}, {key}: {error}") from error
        typed.append(one)
        texts.append(dict(sorted(text.items())))
    return tuple(typed), texts


def _typed(field: Field, value: Any) -> tuple[Any, Any]:
    """(the value, its canonical form). Raises Malformed."""
    return _READ[field.kind](field, value)


def _text(_: Field, value: Any) -> tuple[str, str]:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise Malformed(f"a text is wanted, not {_kind(value)}")
    text = str(value).strip()
    if not text or len(text) > LONGEST_TEXT:
        raise Malformed(f"a text of 1 to {LONGEST_TEXT} characters is wanted")
    if _CONTROL.search(text):
        raise Malformed("it holds control characters")
    return text, text


def _decimal(_: Field, value: Any) -> tuple[Decimal, str]:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal, float)):
        raise Malformed(f"a number is wanted, not {_kind(value)}")
    if isinstance(value, str) and not _PLAIN.match(value.strip()):
        raise Malformed("a number in plain digits is wanted, like 1000000.00")
    if isinstance(value, int) and abs(value) >= 10**WHOLE_DIGITS:
        raise Malformed(f"more than {WHOLE_DIGITS} digits")
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, ValueError) as error:
        raise Malformed("a number is wanted") from error
    if not number.is_finite():
        raise Malformed("a finite number is wanted")
    if number and (number.adjusted() >= WHOLE_DIGITS or number.adjusted() < -PLACES):
        raise Malformed(f"more than {WHOLE_DIGITS} digits, or smaller than 1e-{PLACES}")
    plain = format(number, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    if len(plain.partition(".")[2]) > PLACES:
        raise Malformed(f"more than {PLACES} places")
    plain = "0" if plain in ("-0", "") else plain
    return Decimal(plain), plain


def _bool(_: Field, value: Any) -> tuple[bool, bool]:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        value = value.lower() == "true"
    if not isinstance(value, bool):
        raise Malformed(f"true or false is wanted, not {_kind(value)}")
    return value, value


def _day(field: Field, value: Any) -> tuple[date, str]:
    """An instant counts as its day in UTC."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value, value.isoformat()
    if isinstance(value, str) and _DAY.match(value.strip()):
        try:
            day = date.fromisoformat(value.strip())
        except ValueError as error:
            raise Malformed("no such day") from error
        return day, day.isoformat()
    day = _instant(field, value)[0].date()
    return day, day.isoformat()


def _instant(_: Field, value: Any) -> tuple[datetime, str]:
    """A day counts as its first moment in UTC."""
    moment: datetime
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, str) and _DAY.match(value.strip()):
        moment = _moment(f"{value.strip()}T00:00:00+00:00")
    elif isinstance(value, str) and _INSTANT.match(value.strip()):
        moment = _moment(value.strip().upper().replace(" ", "T").replace("Z", "+00:00"))
    else:
        raise Malformed("an instant is wanted, like 2026-11-22T09:00:00Z, or a day")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise Malformed("no such instant") from error
    return moment, moment.isoformat().replace("+00:00", "Z")


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("no such instant") from error


def _country(field: Field, value: Any) -> tuple[str, str]:
    text = _text(field, value)[0].upper()
    if text not in countries():
        raise Malformed(f"'{text[:20]}' is no country of ISO 3166-1 alpha-2")
    return text, text


def _currency(field: Field, value: Any) -> tuple[str, str]:
    text = _text(field, value)[0].upper()
    if text not in currencies():
        raise Malformed(f"'{text[:20]}' is no currency of ISO 4217")
    return text, text


def _choice(field: Field, value: Any) -> tuple[str, str]:
    text = _text(field, value)[0]
    if text not in field.words:
        raise Malformed(f"'{text[:40]}' is not one of {', '.join(field.words)}")
    return text, text


def _several(field: Field, value: Any) -> tuple[tuple[str, ...], list[str]]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_ITEMS:
        raise Malformed(f"a list of at most {MOST_ITEMS} texts is wanted")
    texts = [_text(field, each)[0] for each in value]
    return tuple(texts), texts


_READ: dict[str, Callable[[Field, Any], tuple[Any, Any]]] = {
    "text": _text, "decimal": _decimal, "bool": _bool, "day": _day, "instant": _instant, "country": _country,
    "currency": _currency, "choice": _choice, "texts": _several,
}  # fmt: skip


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2."""
    import pycountry

    return frozenset(each.alpha_2 for each in pycountry.countries)


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """ISO 4217."""
    import pycountry

    return frozenset(each.alpha_3 for each in pycountry.currencies)


def _as_it_is(value: Any) -> Any:
    """What is malformed, as it may stand in the canonical input: JSON without floats, which is malformed again when it
    is read. So a number where a text is wanted has another id than that text.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (list, tuple)):
        return [_as_it_is(each) for each in value]
    if isinstance(value, dict):
        return {_encodable(str(key)): _as_it_is(each) for key, each in value.items()}
    text = _encodable(str(value))
    return text if text == value else {"malformed": text}


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _shown(text: str) -> str:
    return _CONTROL.sub("?", text)[:80]


def _kind(value: Any) -> str:
    names = {bool: "true or false", str: "a text", int: "a number", float: "a number", Decimal: "a number",
             list: "a list", dict: "an object", type(None): "null"}  # fmt: skip
    return names.get(type(value), type(value).__name__)
