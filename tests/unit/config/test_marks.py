"""Text -> values and places: what a scalar is, where things stand, what is refused, what is bounded."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml

from qx.config import marks
from qx.config.document import Document, dotted, veiled
from qx.config.marks import MAX_DEPTH, MAX_VALUES, compose
from qx.kernel.errors import Problems, QxError
from tests.unit.config.base import BASE


def read(text: str) -> Document:
    return compose(text.encode(), "f.yaml")


def refused(text: str | bytes) -> QxError:
    """The error that ended the reading."""
    with pytest.raises(Problems) as caught:
        compose(text.encode() if isinstance(text, str) else text, "f.yaml")
    return caught.value.errors[-1]


@pytest.mark.parametrize(("written", "value"), [
    ("", None), ("~", None), ("null", None), ("true", True), ("False", False),
    ("no", "no"), ("on", "on"), ("yes", "yes"), ("y", "y"),
    ("12", 12), ("-3", -3), ("+3", 3), ("0x1f", 31), ("0o17", 15), ("010", 10), ("-0x1f", "-0x1f"), ("1_000", "1_000"),
    ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("1.", 1.0), (".inf", math.inf), ("-.INF", -math.inf), (".", "."),
    ("9" * 30, float("9" * 30)), ("12:30", "12:30"), ("2026-01-31", "2026-01-31"), ("1.2.3", "1.2.3"),
    ("'12'", "12"), ('"true"', "true"), ("''", ""), ("30s", "30s"),
])  # fmt: skip
def test_a_scalar_is_what_yaml_1_2_says(written: str, value: object) -> None:
    found = read(f"key: {written}").tree["key"]
    assert (type(found), found) == (type(value), value)


def test_not_a_number_is_a_float() -> None:
    assert math.isnan(read("key: .NaN").tree["key"])


def test_places_are_those_of_keys_and_values() -> None:
    document = read("a: 1\nb:\n  c: [x, {d: yes}]\n  e:\n    f: 2\n")
    assert document.tree == {"a": 1, "b": {"c": ["x", {"d": "yes"}], "e": {"f": 2}}}

    def at(*trail: str | int) -> tuple[int, int]:
        return document.place(trail)[1:3]

    assert at() == (1, 1)
    assert at("a") == (1, 4)
    assert at("b", "c") == (3, 6)
    assert at("b", "c", 0) == (3, 7)
    assert at("b", "c", 1, "d") == (3, 14)
    assert at("b", "e") == (4, 3)  # its value begins on the next line: its key
    assert at("b", "e", "missing") == (4, 3)  # what holds it
    assert at("missing", "deeper") == (1, 1)
    assert document.key(("b", "c"))[1:3] == (3, 3)
    assert document.key(("b", "c", 0))[1:3] == (3, 7)
    assert document.place(("b", "c")).text == "  c: [x, {d: yes}]"


def test_columns_count_characters() -> None:
    assert read("ä: {ü: 1}").place(("ä", "ü"))[1:3] == (1, 8)


def test_an_alias_is_the_value_and_stands_where_it_is_defined() -> None:
    document = read("a: &x {b: 1}\nc: *x\n")
    assert document.tree["c"] == {"b": 1}
    assert document.place(("c", "b"))[1:3] == (1, 11)
    assert document.place(("c",))[1:3] == (2, 1)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "\ufeffkey: 1\n", "a: 1\n...\n"])
def test_the_edges_of_a_document_are_read(text: str) -> None:
    assert read(text).tree in (None, {"key": 1}, {"a": 1})


@pytest.mark.parametrize(("text", "message", "at"), [
    ("a: 1\n---\nb: 2\n", "second document", (2, 1)),
    ("{a: 1}: 2", "a key must be a word", (1, 1)),
    ("[a]: 2", "a key must be a word", (1, 1)),
    ("a: &x 1\n*x : 2", "not an alias", (2, 1)),
    ("a: &x [*x]", "inside its own anchor", (1, 8)),
    ("a: *x", "refers to nothing", (1, 4)),
    ("<<: {a: 1}", "merge keys", (1, 1)),
    ("a: !!int 1", "the tag !!int", (1, 4)),
    ("a: !mine {b: 1}", "the tag !mine", (1, 4)),
    ("a: b\x07", "control character U+0007", (1, 5)),
    (b"a: 1\nb: \xff", "the byte 0xff is not UTF-8", (2, 4)),
    ('a: "b', "never closed", (1, 4)),
])  # fmt: skip
def test_what_is_refused_is_named_with_its_place(text: str | bytes, message: str, at: tuple[int, int]) -> None:
    error = refused(text)
    assert error.code == "QX-CFG-002"
    assert message in error.message
    assert error.hint
    assert error.place is not None
    assert error.place[1:3] == at


def test_keys_that_stand_twice_are_all_told_and_the_first_counts() -> None:
    document = read("a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert document.tree == {"a": 1, "b": {"c": 1}}
    assert [(error.code, error.place and error.place[1:3]) for error in document.problems] == [
        ("QX-CFG-007", (2, 11)),
        ("QX-CFG-007", (3, 1)),
    ]


def test_keys_that_stand_twice_are_told_beside_what_ends_the_reading() -> None:
    with pytest.raises(Problems) as caught:
        read("a: 1\na: 2\nb: [\n")
    assert [error.code for error in caught.value.errors] == ["QX-CFG-007", "QX-CFG-002"]


def test_a_bomb_of_aliases_is_defused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    error = refused("\n".join(lines))
    assert f"more than {MAX_VALUES} values" in error.message
    assert error.place is not None
    assert error.place.line < 8


def test_a_list_that_is_too_long_is_refused() -> None:
    assert "values" in refused("[" + "x," * (MAX_VALUES + 1) + "]").message


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
def test_depth_is_bounded(depth: int) -> None:
    assert f"nested more than {MAX_DEPTH} deep" in refused("[" * depth).message


def test_without_the_compiled_reader_the_same_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def shape(document: Document) -> tuple[Any, list[Any]]:
        trails = [("clusters", "trading", "nodes", "us-east", "url"), ("residency", 1, "data_class"), ("approvals",)]
        return document.tree, [document.place(trail) for trail in trails]

    compiled = shape(read(BASE))
    monkeypatch.setattr(marks, "_Loader", yaml.SafeLoader)
    assert shape(read(BASE)) == compiled
    assert refused("[" * 5000).code == "QX-CFG-002"
    assert "never closed" in refused('a: "b').message


@pytest.mark.parametrize(("line", "shown"), [
    ("url: postgresql://qx:hunter2@db:5432/x", "url: postgresql://qx:***@db:5432/x"),
    ("url: postgresql://qx:hun@ter/2@db", "url: postgresql://qx:***@db"),
    ("url: postgresql://qx@db:5432/x", "url: postgresql://qx@db:5432/x"),
    ("password: hunter2", "password: ***"),
    ('password: "hun,ter2", user: x', "password: ***, user: x"),
    ("{user: x, password: 'hunter2'}", "{user: x, password: ***}"),
    ("{password: hunter2, user: x}", "{password: ***"),
    ("url: postgresql://db/x?password=hunter2&a=b", "url: postgresql://db/x?password=***"),
    ('"password" : hunter2', '"password" : ***'),
    ("pasword: hunter2", "pasword: ***"),
    ("db_passwd: hunter2", "db_passwd: ***"),
    ("api-token: hunter2", "api-token: ***"),
    ("password: env:NAME", "password: env:NAME"),
    ('password: "file:/run/x"', 'password: "file:/run/x"'),
    ("password:", "password:"),
    ("host: hunter2", "host: hunter2"),
])  # fmt: skip
def test_a_line_is_shown_without_its_passwords(line: str, shown: str) -> None:
    assert veiled(line) == shown


def test_a_trail_is_written_as_people_say_it() -> None:
    assert dotted(("clusters", "trading", "routes", 0, "path")) == "clusters.trading.routes[0].path"
    assert dotted(()) == ""
