from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import Struct

from qx.kernel.errors import Place, Problems, QxError
from qx.kernel.exits import Exit
from qx.kernel.spans import Bytes, Seconds
from qx.render.diagnostic import diagnostic, document
from qx.render.encode import document as resource
from qx.render.encode import json_line, json_text
from qx.render.paint import Palette


class Sample(Struct, frozen=True, tag="pg"):
    lag: Seconds | float
    names: tuple[str, ...] = ()


def test_the_schema_comes_first_and_the_fields_follow() -> None:
    text = json_text(resource("lag", Sample(1.5, ("a", "ü"))))
    assert text == '{\n  "schema": "qx.lag/1",\n  "type": "pg",\n  "lag": 1.5,\n  "names": [\n    "a",\n    "ü"\n  ]\n}'


def test_own_numbers_paths_and_enums_become_plain() -> None:
    line = json_line(resource("x", {"s": Seconds(2), "b": Bytes(3), "p": Path("/a"), "e": Exit.REFUSED, 1: None}))
    assert json.loads(line) == {"schema": "qx.x/1", "s": 2.0, "b": 3, "p": "/a", "e": 4, "1": None}
    assert "\n" not in line


def test_not_a_number_is_null() -> None:
    assert json.loads(json_line({"a": float("nan"), "b": float("inf")})) == {"a": None, "b": None}


def test_a_list_needs_a_name_and_an_object_a_form() -> None:
    with pytest.raises(TypeError, match="needs named fields"):
        resource("runs", [1, 2])
    with pytest.raises(TypeError, match="object"):
        resource("x", {"a": object()})


def test_the_caret_stands_under_the_column_even_after_tabs() -> None:
    text = diagnostic(QxError("QX-CFG-003", "m", place=Place("f", 2, 3, "\tabc")))
    assert text.splitlines()[1:4] == [" --> f:2:3", "  | \tabc", "  | \t ^"]


def test_an_error_without_a_place_or_a_hint_is_two_lines() -> None:
    assert diagnostic(QxError("QX-OBS-003", "m")).splitlines() == ["error[QX-OBS-003]: m", "see: qx explain QX-OBS-003"]


def test_all_errors_are_told_and_counted() -> None:
    several = Problems([QxError("QX-CFG-003", "a"), QxError("QX-CFG-004", "b")])
    text = diagnostic(several)
    assert text.index("QX-CFG-003") < text.index("QX-CFG-004")
    assert text.endswith("2 errors")
    assert [e["message"] for e in document(several)["errors"]] == ["a", "b"]
    assert "errors" not in document(QxError("QX-CFG-003", "a"))


def test_of_a_thousand_errors_people_see_the_first_hundred_and_programs_all() -> None:
    several = Problems([QxError("QX-CFG-003", f"m{n}") for n in range(1000)])
    text = diagnostic(several)
    assert text.count("error[QX-CFG-003]") == 100
    assert text.endswith("1,000 errors; 900 more than are shown here: `-o json` tells all")
    assert len(document(several)["errors"]) == 1000


def test_a_servers_words_cannot_move_the_cursor() -> None:
    text = diagnostic(QxError("QX-NODE-007", "\x1b[2Jgone", hint="\x07"), Palette(colour=False))
    assert "\x1b" not in text
    assert "\x07" not in text
