"""The inputs of a runbook: words of a command line -> values of their types, in the platform's own names. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.config.links import cluster_named, region_named
from qx.kernel.errors import Problems, QxError
from qx.kernel.spans import parse_bytes, parse_seconds
from qx.kernel.text import did_you_mean
from qx.model import runbook as r

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.model.platform import Platform

MANY = (r.TextsInput, r.RegionsInput, r.ClustersInput)
MOST = 100  # items of a list
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def given(book: r.Runbook, words: Iterable[str], platform: Platform) -> dict[str, Any]:
    """Every input's value: from `NAME=VALUE`, else its default. Raises Problems: QX-BOOK-002 for each that is wrong."""
    said: dict[str, list[str]] = {}
    wrong: list[QxError] = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in book.inputs:
            hint = did_you_mean(name, book.inputs) if book.inputs else "it takes none"
            wrong.append(QxError("QX-BOOK-002", f"--input {name}: no such input of {book.runbook}", hint=hint))
        elif name in said and not isinstance(book.inputs[name], MANY):
            wrong.append(QxError("QX-BOOK-002", f"--input {name} is given twice", hint="give one of them"))
        else:
            said.setdefault(name, []).append(value)
    found: dict[str, Any] = {}
    for name, one in book.inputs.items():
        try:
            found[name] = _chosen(one, said.get(name), platform)
        except (ValueError, QxError) as error:
            hint = error.hint if isinstance(error, QxError) else one.about
            message = error.message if isinstance(error, QxError) else str(error)
            wrong.append(QxError("QX-BOOK-002", f"input {name}: {message}", hint=hint or f"--input {name}=VALUE"))
    if wrong:
        raise Problems(wrong)
    return found


def default_of(one: r.Input, platform: Platform) -> Any:
    """Its default as a value, None when it has none. Raises ValueError, QxError."""
    if one.default is None:
        return None
    if isinstance(one.default, tuple):
        return tuple(_read(one, word, platform) for word in one.default)
    return _checked(one, _read(one, one.default, platform))


def _chosen(one: r.Input, said: list[str] | None, platform: Platform) -> Any:
    if said is None:
        value = default_of(one, platform)
        if value is None:
            raise ValueError("it must be given")
        return value
    if isinstance(one, MANY):
        words = [word.strip() for each in said for word in each.split(",") if word.strip()]
        if len(words) > MOST:
            raise ValueError(f"more than {MOST} items")
        return tuple(_read(one, word, platform) for word in words)
    return _checked(one, _read(one, said[0], platform))


def _read(one: r.Input, word: Any, platform: Platform) -> Any:
    """`word`: a text, or what stands in the file as the default."""
    match one:
        case r.IntInput():
            if isinstance(word, str) and not word.strip().lstrip("+-").isdecimal():
                raise ValueError(f"'{word}' is no whole number")
            return int(word)
        case r.BoolInput():
            if isinstance(word, bool):
                return word
            if word.casefold() not in (*_TRUE, *_FALSE):
                raise ValueError(f"'{word}' is neither true nor false")
            return word.casefold() in _TRUE
        case r.DurationInput():
            return float(parse_seconds(word))
        case r.SizeInput():
            return int(parse_bytes(word))
        case r.RegionInput() | r.RegionsInput():
            return region_named(platform, word)
        case r.ClusterInput() | r.ClustersInput():
            return cluster_named(platform, word)
    return word


def _checked(one: r.Input, value: Any) -> Any:
    choices = getattr(one, "choices", ())
    if choices and value not in choices:
        raise ValueError(f"'{value}' is none of {', '.join(map(str, choices))}")
    return value
