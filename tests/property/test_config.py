"""Whatever is done to a valid file: it is read, or refused with errors that each name a place inside it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import ValidationError

from qx.config.decode import convert
from qx.config.diagnose import diagnose
from qx.config.load import understand
from qx.config.marks import compose
from qx.config.schema import schema_of
from qx.kernel.errors import Problems, QxError
from qx.model.platform import Platform
from tests.unit.config.base import BASE

TREE = compose(BASE.encode(), "f").tree
SCHEMA: Any = Draft202012Validator(schema_of(Platform, "regions.yaml"))

Trail = tuple[str | int, ...]


def trails(value: Any, at: Trail = ()) -> list[Trail]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(trail for key, held in items for trail in trails(held, (*at, key)))]


words = st.sampled_from(
    ["", "x", "us-east", "env:X", "7", "trade_record", "driver", "5s", "redis", "http://h", "2026-01-01", "{y}"]
)
marks = st.sampled_from(["\t", "- ", ": ", "{", "[", "'", '"', "&a ", "*a", "#", "\n", "!!x "])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70000) | st.sampled_from([0.5, -1.5]) | words,
    lambda held: st.lists(held, max_size=2) | st.dictionaries(words, held, max_size=2),
    max_leaves=3,
)


@st.composite
def mutants(draw: st.DrawFn) -> Any:
    """The valid tree after one to four changes: a key dropped, renamed or added, a value changed."""
    tree = deepcopy(TREE)
    for _ in range(draw(st.integers(1, 4))):
        trail = draw(st.sampled_from(trails(tree)))
        if not trail:
            continue
        holder, key = tree, trail[-1]
        for step in trail[:-1]:
            holder = holder[step]
        change = draw(st.sampled_from(["drop", "rename", "add", "change"]))
        if change == "change":
            holder[key] = draw(values)
        elif change == "drop":
            del holder[key]
        elif isinstance(holder, list):
            holder.append(draw(values))
        elif change == "add":
            holder[draw(words)] = draw(values)
        else:
            cut = draw(st.integers(0, len(str(key))))
            holder[f"{str(key)[:cut]}{str(key)[cut + 1 :]}"] = holder.pop(key)
    return tree


def errors_of(data: bytes) -> tuple[QxError, ...]:
    try:
        understand(compose(data, "f"))
    except Problems as problems:
        return problems.errors
    return ()


def judge(text: str) -> None:
    """Read, or refused as it should be: each error once, each with a place inside the file."""
    lines = text.splitlines() or [""]
    errors = errors_of(text.encode("utf-8", "surrogatepass"))
    for error in errors:
        assert error.code.startswith("QX-CFG-")
        assert error.place is not None
        assert 1 <= error.place.line <= len(lines)
        assert 1 <= error.place.column <= len(lines[error.place.line - 1]) + 1
    assert len({(error.code, error.place, error.message) for error in errors}) == len(errors)


@given(mutants(), st.sampled_from([None, 1]))
def test_a_changed_tree_is_read_or_refused(tree: Any, indent: int | None) -> None:
    judge(json.dumps(tree, indent=indent))


@given(mutants())
def test_the_diagnosis_agrees_with_the_decoder_and_with_the_schema(tree: Any) -> None:
    found = diagnose(tree, Platform)
    try:
        convert(tree)
    except ValidationError:
        assert found.faults
    else:
        assert not found.faults
        assert found.tree == tree
    convert(found.tree)  # what it mended is whole
    assert SCHEMA.is_valid(tree) == (not found.faults)


@given(st.data())
def test_a_changed_text_is_read_or_refused(data: st.DataObject) -> None:
    text = BASE
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        new = data.draw(st.text(max_size=3) | marks)
        text = text[:at] + new + text[at + data.draw(st.integers(0, 6)) :]
    judge(text)


@given(st.data())
def test_an_inline_password_is_never_repeated(data: st.DataObject) -> None:
    """Changes beside the line that holds it may break everything else."""
    before, line, after = BASE.partition("        password: env:TRADING_PASSWORD\n")
    value = data.draw(st.sampled_from(["hunter2", "'hunter2'", "cmd hunter2, x"]))
    secret = line.replace("env:TRADING_PASSWORD", value)
    cut = data.draw(st.integers(0, len(before) - 1))
    before = before[:cut] + data.draw(marks) + before[cut + data.draw(st.integers(0, 3)) :]
    errors = errors_of(f"{before}{secret}{after}".encode())
    assert errors
    for error in errors:
        assert error.place is not None
        assert "hunter2" not in f"{error} {error.hint} {error.place.text}"


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert all(error.place is not None and error.place.line >= 1 for error in errors_of(data))
