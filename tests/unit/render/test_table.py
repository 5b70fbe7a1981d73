from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.render.paint import Palette, columns_of, printable
from qx.render.table import Cell, Column, fields, table

COLUMNS = [Column("region"), Column("lag", right=True), Column("writer", give="cut"), Column("cause", give="wrap")]
ROWS: list[list[Cell | str]] = [
    ["eu-west", "1.2 s", "postgresql://trading@pg.eu-west.example.net:5432/book", "streams; nothing stands in the way"],
    ["us-east", "0 s", "-", Cell("unknown: no observer had an answer in time", "bad")],
]


def test_a_pipe_gets_everything_on_one_line_per_row() -> None:
    assert table(["a", Column("n", right=True)], [["x", "1"], ["yy", "20"]]) == "a    n\nx    1\nyy  20"
    lines = table(COLUMNS, ROWS).splitlines()
    assert len(lines) == 3
    assert "postgresql://trading@pg.eu-west.example.net:5432/book" in lines[1]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_a_terminal_gets_its_width(width: int) -> None:
    lines = table(COLUMNS, ROWS, width=width).splitlines()
    assert max(map(len, lines)) <= width
    told = " ".join(lines)
    assert all(word in told for word in ("eu-west", "observer", "time", "stands"))


def test_what_must_be_kept_is_kept() -> None:
    text = table([Column("id"), Column("why", give="wrap")], [["x" * 60, "two words"]], width=40)
    assert "x" * 60 in text


def test_colour_does_not_move_columns() -> None:
    painted = table(COLUMNS, ROWS, width=80, palette=Palette(colour=True))
    assert "\x1b[31;1m" in painted
    for code in ("\x1b[31;1m", "\x1b[2m", "\x1b[0m"):
        painted = painted.replace(code, "")
    plain = table(COLUMNS, ROWS, width=80)
    assert [line.rstrip() for line in painted.splitlines()] == plain.splitlines()


def test_a_row_of_the_wrong_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="a row of 1 cells under 2 columns"):
        table(["a", "b"], [["x"]])


def test_a_cell_may_have_lines() -> None:
    assert table(["a", "b"], [["x\ny", "1"]]) == "a  b\nx  1\ny"


def test_wide_characters_count_as_they_are_shown() -> None:
    lines = table(["name", "n"], [["东京", "1"], ["ab", "2"]]).splitlines()
    assert lines == ["name  n", "东京  1", "ab    2"]


def test_foreign_control_characters_are_spelled_out() -> None:
    assert printable("a\x1b[2Jb\u202e") == "a\\x1b[2Jb\\u202e"
    assert "\x1b" not in table(["a"], [["\x1b[31mred"]])


def test_fields_align_and_wrap() -> None:
    assert fields([("a", "1"), ("long", "two words")]) == "a     1\nlong  two words"
    assert fields([("key", "one two three four five")], width=21) == "key  one two three\n     four five"


@given(
    st.lists(st.tuples(st.text(max_size=30), st.text(max_size=60), st.text(max_size=60)), max_size=6),
    st.integers(min_value=60, max_value=160),
)
def test_no_text_breaks_the_layout(rows: list[tuple[str, str, str]], width: int) -> None:
    columns = [Column("k", give="cut"), Column("c", give="cut"), Column("w", give="wrap")]
    text = table(columns, rows, width=width)
    assert all(line == line.rstrip() for line in text.split("\n"))
    assert "\x1b" not in text
    assert all(columns_of(line) <= width for line in text.split("\n") if line.isascii() and "\t" not in line)
