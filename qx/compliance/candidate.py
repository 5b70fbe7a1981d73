"""Candidate packs and lists held against those that are in force: what was added, removed, changed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from qx.model.candidate import Alteration

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from qx.model.rules import RulePack
    from qx.model.sanctions import Listed

LONGEST = 200  # characters of a value that is shown
_OF_PACK = ("version", "title", "jurisdictions", "timezone", "review_by")


def altered_pack(old: RulePack | None, new: RulePack) -> tuple[Alteration, ...]:
    """`old` None: everything is new."""
    return tuple(_pack(old, new))


def _pack(old: RulePack | None, new: RulePack) -> Iterator[Alteration]:
    if old is not None:
        for name in _OF_PACK:
            before, after = getattr(old, name), getattr(new, name)
            if before != after:
                yield Alteration(what="pack", name=name, how="changed", before=_text(before), after=_text(after))
    was = {} if old is None else msgspec.to_builtins(old.params)
    yield from _each("parameter", was, msgspec.to_builtins(new.params))
    rules = () if old is None else old.rules
    yield from _each("rule", _by_id(rules), _by_id(new.rules))


def _by_id(rules: tuple[Any, ...]) -> dict[str, Any]:
    return {rule.id: msgspec.to_builtins(rule) for rule in rules}


def altered_list(old: Iterable[Listed], new: Iterable[Listed]) -> tuple[Alteration, ...]:
    """By the uid of each entry."""
    was, now = ({each.uid: msgspec.to_builtins(each) for each in entries} for entries in (old, new))
    return tuple(_each("entry", was, now))


def _each(what: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Alteration]:
    """Those of the new one in its order, then what it has no more."""
    for name, after in new.items():
        before = old.get(name)
        if before is None:
            yield Alteration(what=what, name=name, how="added", after=_title(after))
        elif before != after:
            fields = tuple(key for key in after if before.get(key) != after[key])
            was, now = ("; ".join(_text(each.get(key)) for key in fields) for each in (before, after))
            yield Alteration(what=what, name=name, how="changed", fields=fields, before=was, after=now)
    for name, before in old.items():
        if name not in new:
            yield Alteration(what=what, name=name, how="removed", before=_title(before))


def _title(of: Mapping[str, Any]) -> str:
    if "windows" in of:
        return _windows(of["windows"])
    return str(of.get("title") or ", ".join(of.get("names", ())))


def _windows(windows: Any) -> str:
    spans = ((each, each.get("from") or "ever", each.get("to") or "further notice") for each in windows)
    return _short("; ".join(f"{_text(each['value'])} {since} to {until}" for each, since, until in spans))


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        if value and isinstance(value[0], dict) and "value" in value[0]:
            return _windows(value)
        return _short(" ".join(each if isinstance(each, str) else msgspec.json.encode(each).decode() for each in value))
    return _short(value if isinstance(value, str) else msgspec.json.encode(value).decode())


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
