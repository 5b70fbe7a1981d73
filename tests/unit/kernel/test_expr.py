"""Expressions: what is read, what it means, and what is said of what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from qx.kernel.errors import QxError
from qx.kernel.expr import MAX_DEPTH, MAX_LENGTH, MAX_TOKENS, Misread, parse
from qx.kernel.expr_tree import bind, paths, written
from qx.kernel.expr_value import MISSING, decide, evaluate

DATA: dict[str, Any] = {
    "lag": 12.5, "count": 3, "zero": 0, "name": "eu-west", "up": True, "list": [1, 2, 3], "holes": [1, None],
    "nodes": {"eu-west": {"lag": 4, "role": "replica"}, "us-east": {"lag": None}}, "nan": float("nan"), "null": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7), ("(1 + 2) * 3", 9), ("7 % 4 - -1", 4), ("-count", -3), ("10 / 4", 2.5), ("30s", 30.0),
        ("1MiB", 1 << 20), ("250ms", 0.25), ('"a\\"b\\n"', 'a"b\n'), ("'it''s'", None),
        ("lag > 10s and up", True), ("lag < 10 or not up", False), ("not (up and count == 3)", False),
        ('name in ["us-east", "eu-west"]', True), ('"west" in name', True), ("4 not in list", True),
        ('"eu-west" in nodes', True), ("list[2]", 3), ('nodes["eu-west"].lag', 4), ("nodes[name].role", "replica"),
        ("len(list) == 3 and len(name) == 7", True), ("min(3, 1, 2)", 1), ("max(list)", 3), ("abs(-2)", 2),
        ('startswith(name, "eu") and endswith(name, "west")', True), ('upper("a") == "A" and lower("B") == "b"', True),
        ('matches(name, "e?-*")', True), ('matches(name, "e?-")', False), ('matches("", "*")', True),
        ("known(lag) and not known(nothing)", True), ("default(nothing, 5)", 5), ("up == true", True),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    if value is None:
        with pytest.raises(Misread):
            parse(text)
    else:
        assert evaluate(parse(text), DATA) == value


MISSES = (
    "nothing", "null", "nan", "nodes.there.lag", 'nodes["us-east"].lag', "list[7]", "nothing.at.all", "nothing == 1",
    "nothing != 1", "not (nothing == 1)", "nothing > 1 and up", "nothing > 1 or not up", "nothing + 1", "-nothing",
    "nothing in list", "9 in holes", "min(nothing, 1)", "max(holes)", "len(nothing)", "lower(nothing)", "min([])",
)  # fmt: skip


@pytest.mark.parametrize("text", MISSES)
def test_what_is_missing_is_never_true_nor_false(text: str) -> None:
    assert evaluate(parse(text), DATA) is MISSING


@pytest.mark.parametrize(
    ("text", "value"), [("false and nothing", False), ("nothing and false", False), ("true or nothing", True),
                        ("nothing or true", True), ("1 in holes", True)]
)  # fmt: skip
def test_what_can_be_told_without_it(text: str, value: bool) -> None:
    assert decide(parse(text), DATA) is value


def test_missing_has_no_truth() -> None:
    with pytest.raises(TypeError):
        bool(MISSING)


@pytest.mark.parametrize(
    "text",
    ["name < 1", "1 == true", "name == 1", "up + 1", "name + name", "not 1", "1 and up", "up < up", "list == list",
     "lag.x", "list.x", "nodes[1]", "1 / zero", "1 % zero", "1 in 2", "1 in name", "abs(name)", "min(name)", "len(1)",
     "startswith(1, name)", "nodes == nodes"],
)  # fmt: skip
def test_types_are_never_bent(text: str) -> None:
    with pytest.raises(QxError) as error:
        evaluate(parse(text), DATA)
    assert error.value.code == "QX-EXPR-002"


@pytest.mark.parametrize("text", ["1", "name", "list"])
def test_a_condition_is_one(text: str) -> None:
    with pytest.raises(QxError):
        decide(parse(text), DATA)


@pytest.mark.parametrize(
    ("text", "line", "column", "hint"),
    [
        ("a = 3", 1, 3, "write =="), ("a < b < c", 1, 7, "a < b and b < c"), ("lenn(x)", 1, 1, "did you mean 'len'?"),
        ('x == "abc', 1, 6, "close it"), ("1mib", 1, 1, "MiB"), ("a and", 1, 6, ""), ("", 1, 1, "count == 0"),
        ("len(1, 2)", 1, 1, ""), ("a\nand %", 2, 5, ""), ("a b", 1, 3, ""), ("(a", 1, 3, ""), ("a.", 1, 3, ""),
        ("a && b", 1, 3, "write `and`"), ("a adn b", 1, 3, "did you mean 'and'?"), ("__import__('os')", 1, 1, ""),
        ("9" * 41, 1, 1, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_where_and_what_was_meant(text: str, line: int, column: int, hint: str) -> None:
    with pytest.raises(Misread) as error:
        parse(text)
    assert f"(line {line}, column {column} of" in error.value.message
    assert hint in error.value.hint


@pytest.mark.parametrize(
    "text", ["(" * 500 + "a" + ")" * 500, "not " * 300 + "a", "a" + "[b" * 400, "a" * (MAX_LENGTH + 1),
             "1" + "+1" * MAX_TOKENS, "-" * 900 + "1", "a" + ".b" * 300]
)  # fmt: skip
def test_length_and_depth_are_bounded(text: str) -> None:
    with pytest.raises(Misread):
        parse(text)
    assert evaluate(parse("(" * (MAX_DEPTH - 1) + "1" + ")" * (MAX_DEPTH - 1)), {}) == 1
    assert evaluate(parse("1" + "+1" * (MAX_TOKENS // 2 - 2)), {}) == MAX_TOKENS // 2 - 1


def test_paths_are_the_longest_and_those_inside() -> None:
    assert [path for path, _ in paths(parse("regions[inputs.to].verdict == x and len(a.b) > 1"))] == [
        ("regions", None, "verdict"), ("inputs", "to"), ("x",), ("a", "b"),
    ]  # fmt: skip


def test_bound_names_become_values() -> None:
    known = {"inputs": {"to": "eu-west", "n": -4, "many": ["a", "b"], "wait": 30.0}}
    bound = bind(parse("regions[inputs.to].x < inputs.n or y in inputs.many or z > inputs.wait"), known)
    assert written(bound) == 'regions["eu-west"].x < -4 or y in ["a", "b"] or z > 30.0'
    with pytest.raises(KeyError):
        bind(parse("inputs.other"), known)
