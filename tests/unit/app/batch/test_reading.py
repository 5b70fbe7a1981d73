"""Whatever the form of the file: each row as the exact reader has it, or a reason why it is none."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qx.app.batch import source
from qx.app.batch.coding import coded
from qx.app.batch.lines import LineReader
from qx.app.batch.parquet import ParquetReader, ParquetSource
from qx.app.batch.rows import Rows
from qx.app.batch.scan import Lines, line_ends
from qx.app.batch.table import TableReader, header_of, paths_of
from qx.app.batch.typist import Typist
from qx.app.compliance import document_of
from qx.compliance.fields import FIELDS
from qx.compliance.selftest import BASE
from qx.compliance.transaction import Transaction, read, typed
from qx.kernel.errors import QxError

OWNERS = {"counterparty": {"name": "A", "owners": [{"name": "B", "pct": 50.10}, {"pct": "1"}], "aliases": ["x", "y"]}}


def exact(data: bytes, *, lenient: bool = False) -> Transaction | str:
    try:
        return read(document_of(data, "it"), lenient=lenient)
    except QxError as error:
        return error.code


def told(rows: Rows, count: int) -> list[Transaction | str | None]:
    """By line; None: nothing stands there."""
    found: list[Transaction | str | None] = [None] * count
    for row, line in enumerate(rows.lines):
        found[line - 1] = rows.chunk.transaction(row)
        assert read(rows.document(row)) == rows.chunk.transaction(row)
    for each in rows.rejects:
        found[each.line - 1] = each.code
    return found


LINES = [
    json.dumps(BASE).encode(), json.dumps(OWNERS).encode(), b'{"amount":1,"amount":2}', b'{"amount" : 1}', b"[1]",
    b'{"counterparty":{"owners":[{"name":"a","name":"b"}]}}', b'{"counterparty":{"owners":[{"name":"\xff"}]}}',
    b'{"amount":NaN}', b'{"amonut":1}', b'{"kyc":3}', b'{"kyc":null,"amount":null}', b'{"counterparty":"\\":x"}',
    b'{"amount":true,"quantity":1.50,"unitPrice":1e3,"currency":[1.50,2],"vessel":{"imo":9187629}}',
    b'{"counterparty.name":"A"}', b'{"amount":1e99999999999999999999}', b"{}", b'{"a":' * 3000, b'{"amount":1}{}',
    b'{"amount":1000000.00}', b'{"amount":' + b"9" * 400 + b"}", b'{"amount":' + b"9" * 5000 + b"}",
    b'{"transactionId":"\\ud800"}', b'{"transactionId":" a "}', b'{"transactionId":""}', b'{"attestations":{}}',
    b'{"counterparty":{"aliases":null}}', b'{"amount":1.0,"quantity":1,"unitPrice":"1.00"}', b'{"amount":-0.0}',
]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1, 7])
def test_lines_are_read_as_one_would_be_alone(order: int) -> None:
    lines = LINES[::order] if order < 2 else LINES[order:] + LINES[:order]
    reader = LineReader(lenient=False)
    for _ in range(2):  # what the first block taught changes nothing in the second
        assert told(reader.rows(b"\n".join(lines), 1), len(lines)) == [exact(line) for line in lines]


SCRAPS = [
    b'{"transactionId":"a"}', b'{"transactionId":7,"amount":"1"}', b'{"transactionId":"a"} {"transactionId":"b"}',
    b'{"transactionId":"c"}{"transactionId":"d"}', b'{"transactionId":', b'"e"}', b'{"transactionId":[{}', b"{}]}",
    b'{"transactionId":"}', b'{"}', b'{"transactionId":"f","transactionId":"g"}', b"{}", b"", b" ", b"[]", b'{"x":{}}',
    b'{"transactionId":"h"}\r', b'\xef\xbb\xbf{"transactionId":"i"}', b'{"transactionId":"\xff"}', b"}", b"{", b"}{",
]  # fmt: skip


def id_of(line: bytes) -> Any:
    """Of one line; the last where it names several."""
    try:
        found = json.loads(line.decode())
    except ValueError:
        return None
    return found.get("transactionId") if isinstance(found, dict) else None


@given(st.lists(st.sampled_from(SCRAPS), min_size=1, max_size=6), st.booleans())
@settings(max_examples=500)
def test_whatever_stands_on_a_line_belongs_to_that_line(lines: list[bytes], ended: bool) -> None:
    """An object on two lines, or two on one, are none: their ids do not count, nor are they taken for others' rows."""
    block = b"\n".join(lines) + b"\n" * ended
    bom = [b"" if line.startswith(b"\xef") else line for line in lines]  # taken off where a file begins, nowhere else
    reader = LineReader(lenient=False)
    assert [each for each in reader.ids(block) if each is not None] == [
        found for line in bom if (found := id_of(line)) is not None
    ]
    alone = [exact(line) if line.strip() else None for line in lines]
    assert told(reader.rows(block, 1), len(lines)) == alone


@given(st.lists(st.sampled_from([b"{", b"}", b"\n", b"{}", b"x", b"\r\n"]), max_size=12).map(b"".join))
def test_lines_are_those_between_line_ends(block: bytes) -> None:
    lines, found = block.removesuffix(b"\n").split(b"\n"), Lines(block)
    assert list(found) == lines
    assert (len(found), found[-1], found[:2]) == (len(lines), lines[-1], lines[:2])
    assert line_ends(block, len(block)) == block.count(b"\n")
    assert found.apart == all(line.startswith(b"{") and line.endswith(b"}") for line in lines)


def test_lenient_passes_over_what_is_not_known() -> None:
    lines = [b'{"amount":1,"x":{"y":[1]}}', b'{"x":1,"x":2,"amount":1}', b'{"kyc":1}', b'{"kyc":{"z":1}}']
    found = LineReader(lenient=True).rows(b"\n".join(lines), 1)
    by_line = {line: found.chunk.transaction(row) for row, line in enumerate(found.lines)}
    codes = {each.line: each.code for each in found.rejects}
    for line, data in enumerate(lines, 1):
        assert by_line.get(line, codes.get(line)) == exact(data, lenient=True)
    assert codes == {2: "QX-TXN-001", 3: "QX-TXN-002"}


def test_blank_lines_are_counted_and_nothing_else() -> None:
    found = LineReader(lenient=False).rows(b'\n{"amount":1}\r\n \n\n{"amount":2}', 10)
    assert (list(found.lines), found.chunk.rows, found.rejects) == ([11, 14], 2, ())


def test_what_seldom_repeats_is_typed_alike() -> None:
    lines = [json.dumps({"transactionId": f"T{n}", "amount": n}).encode() for n in range(3000)]
    lines += [b'{"transactionId":"T\\u0000","amount":"01.50"}', b'{"amount":1e2}', b'{"amount":-3.10}']
    found = LineReader(lenient=False).rows(b"\n".join(lines), 1)
    for row in (0, 1, 2999, 3000, 3001, 3002):
        assert found.chunk.transaction(row) == exact(lines[row])
    spelled = ["0", "0.0", "10", "100.00", "0.010", "7.123456789012", "00.1", "1.", "-1.0", "1.1234567890123", "9" * 30]
    for number in spelled:  # with numbers that repeat as seldom
        lines = [json.dumps({"amount": f"{n}.{n:04}"}).encode() for n in range(3000)]
        lines += [json.dumps({"amount": number}).encode(), b'{"amount":%b}' % number.encode()]
        found = LineReader(lenient=False).rows(b"\n".join(lines), 1)
        for row in [*range(0, 3000, 500), *range(3000, found.chunk.rows)]:
            assert found.chunk.transaction(row) == exact(lines[found.lines[row] - 1])


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**35), 10**35), st.text(max_size=8), st.floats(allow_nan=False),
    st.sampled_from(["USD", "2026-11-22", "2026-11-22T09:00:00Z", "1000.00", "GB", "spot", "true", "5", " 7 "]),
    st.lists(
        st.one_of(st.integers(), st.text(max_size=3), st.fixed_dictionaries({"name": st.text(max_size=4)})), max_size=2
    ),
)  # fmt: skip


KINDS: list[dict[str, Any]] = [
    {"currency": "USD", "amount": "1"}, {"currency": "USD"}, {"currency": None, "amount": "1"}, {"currency": 7},
    {"currency": "USD", "amount": 1, "kyc": {"status": "verified"}}, {"currency": "USD", "kyc": {"status": 1}}, {},
    {"currency": "USD", "amount": "1", "kyc": {"status": "verified", "pep": True}}, {"kyc": {}}, {"kyc": None},
]  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=6, unique=True)):
        *above, last = path.split(".")
        at = made
        for key in above:
            at = at.setdefault(key, {})
        at[last] = draw(scalars)
    return made


@given(st.lists(documents(), min_size=1, max_size=5))
@settings(max_examples=60)
def test_any_documents_are_read_as_one_would_be_alone(given: list[dict[str, Any]]) -> None:
    lines = [json.dumps(each).encode() for each in given]
    assert told(LineReader(lenient=False).rows(b"\n".join(lines), 1), len(lines)) == [exact(line) for line in lines]


@given(st.lists(st.lists(documents() | st.sampled_from(KINDS), min_size=1, max_size=3), min_size=2, max_size=5))
@settings(max_examples=150)
def test_whatever_was_read_before_a_block_is_read_as_it_stands(blocks: list[list[dict[str, Any]]]) -> None:
    """A reader expects what it has seen: always the same fields, always texts in them, until it is otherwise."""
    reader = LineReader(lenient=False)
    for block in blocks:
        lines = [json.dumps(each).encode() for each in block]
        assert told(reader.rows(b"\n".join(lines), 1), len(lines)) == [exact(line) for line in lines]


def table(text: bytes) -> tuple[Rows, list[Any]]:
    header, _, rest = text.partition(b"\n")
    reader = TableReader(paths_of(header_of(header, "t.csv"), lenient=False, file="t.csv"))
    return reader.rows(rest, 2), reader.ids(rest)


def test_a_table_says_what_documents_say() -> None:
    rows, ids = table(
        b'transactionId,amount,counterparty,counterparty.owners,islamic\r\n'
        b'A,1000000.00,"X, ""Y""","[{""name"":""B"",""pct"":50.10}]",true\r\n'
        b'B,,,not json,\r\n'
        b'"C\nD",x,,,no\r\n'
    )  # fmt: skip
    assert list(rows.lines) == [2, 3, 4]
    assert ids == ["A", "B", "C\nD"]
    first = rows.chunk.transaction(0)
    assert first.canonical == {
        "transactionId": "A", "amount": "1000000", "counterparty.name": 'X, "Y"', "islamic": True,
        "counterparty.owners": [{"name": "B", "pct": "50.1"}],
    }  # fmt: skip
    assert set(rows.chunk.transaction(1).malformed) == {"counterparty.owners"}
    assert set(rows.chunk.transaction(2).malformed) == {"transactionId", "amount", "islamic"}


@pytest.mark.parametrize(("row", "why"), [
    (b"A", "1 cells, and the header has 2"), (b"A,1,2", "3 cells"), (b'A,"1', "cannot be read"),
    (b'"A"x,1', "cannot be read"), (b"\xff,1", "not UTF-8"), (b"A," + b"1" * 200_000, "field larger"),
])  # fmt: skip
def test_a_row_that_is_none_costs_only_itself(row: bytes, why: str) -> None:
    rows, _ = table(b"transactionId,amount\nW,1\n" + row + b"\nX,2\nY,3\n")
    assert [rows.chunk.transaction(n).name for n in range(rows.chunk.rows)] == ["W", "X", "Y"]
    assert [(each.line, why in each.reason) for each in rows.rejects] == [(3, True)]


@pytest.mark.parametrize(("header", "code"), [
    (b"transactionId,amonut", "QX-TXN-002"), (b"amount,amount", "QX-TXN-001"), (b"a,", "QX-TXN-002"),
    (b"counterparty,counterparty.name", "QX-TXN-001"), (b"\xff", "QX-TXN-001"), (b'"a', "QX-TXN-001"),
])  # fmt: skip
def test_a_header_that_cannot_be_told_refuses_the_file(header: bytes, code: str) -> None:
    with pytest.raises(QxError) as caught:
        paths_of(header_of(header, "t.csv"), lenient=False, file="t.csv")
    assert caught.value.code == code


def parquet(path: Path, table: Any, *, lenient: bool = False) -> Rows:
    pq.write_table(table, path)
    made = ParquetSource(path, "t.parquet", lenient=lenient)
    ((_, data),) = made.batches(5000)
    return ParquetReader().rows(data, 1)


def test_parquet_says_what_documents_say(tmp_path: Path) -> None:
    from datetime import UTC, date, datetime

    moment = datetime(2026, 11, 22, 9, tzinfo=UTC)
    flat = pa.table({
        "transactionId": pa.array(["A", None]), "amount": pa.array([Decimal("1000000.00"), None], pa.decimal128(20, 2)),
        "unitPrice": pa.array([0.1, None]), "quantity": pa.array([5, None], pa.int32()),
        "executionTs": pa.array([moment, None], pa.timestamp("ns", "UTC")),
        "tradeDate": pa.array([date(2026, 11, 22), None]),
        "islamic": pa.array([True, None]), "currency": pa.array(["USD", None]).dictionary_encode(),
        "counterparty.owners": pa.array([[{"name": "B", "pct": Decimal("50.10")}], None]),
        "counterparty.aliases": pa.array(['["x"]', None]), "venue": pa.nulls(2),
    })  # fmt: skip
    nested = pa.Table.from_pylist([
        {"transactionId": "A", "amount": Decimal("1000000.00"), "kyc": {"pep": False, "status": "verified"}},
        {"transactionId": None, "amount": None, "kyc": None},
    ])  # fmt: skip
    rows = parquet(tmp_path / "flat.parquet", flat)
    assert rows.chunk.transaction(0) == read({
        "transactionId": "A", "amount": "1000000", "unitPrice": "0.1", "quantity": "5", "islamic": True,
        "currency": "USD", "executionTs": "2026-11-22T09:00:00Z", "tradeDate": "2026-11-22",
        "counterparty": {"owners": [{"name": "B", "pct": "50.1"}], "aliases": ["x"]},
    })  # fmt: skip
    assert rows.chunk.transaction(1) == read({})
    assert read(rows.document(0)) == rows.chunk.transaction(0)
    rows = parquet(tmp_path / "nested.parquet", nested)
    assert rows.chunk.transaction(0).values["kyc.pep"] is False
    assert rows.chunk.transaction(1) == read({})


MANY = 2_500  # rows of which hardly two are alike: they are typed all at once where that can be
SPELLED: dict[str, list[list[Any]]] = {  # a field, and what some of its rows may hold
    "amount": [
        [f"{n}.50" for n in range(MANY)], [-n for n in range(MANY)], [n / 8 for n in range(MANY)],
        [f"-0.{n}" for n in range(MANY)], ["-0.0", "0", "1e3", *range(MANY)], ["7\n8", *map(str, range(MANY))],
        ["9" * 29, "9" * 30, "9" * 31, *range(MANY)],
    ],
    "executionTs": [
        [f"2026-08-{1 + n % 28:02d}T{n % 24:02d}:{n % 60:02d}:{n // 60 % 60:02d}Z" for n in range(MANY)],
        [f"2026-08-01T10:00:00.{n:06d}Z" for n in range(MANY)],
        [f"2026-08-01T10:00:00.{n + 1:06d}Z" for n in range(MANY)],
        ["2026-02-30T10:00:00Z", *(f"2026-08-01T10:00:00.{n + 1:06d}Z" for n in range(MANY))],
        [f"2026-08-01T10:00:00.{n:04d}+03:00" for n in range(MANY)],
    ],
    "uti": [
        [f"U{n}" for n in range(MANY)], [f'"\\ü{n}' for n in range(MANY)], [f" U{n}" for n in range(MANY)],
        ["a\x7fb", "", *(f"U{n}" for n in range(MANY))], [*range(MANY)],
    ],
}  # fmt: skip


@pytest.mark.parametrize(("path", "raws"), [(path, raws) for path, each in SPELLED.items() for raws in each])
def test_many_values_are_typed_as_one_by_one(path: str, raws: list[Any]) -> None:
    column = Typist().column(path, *coded(raws))
    for code, raw in zip(column.codes.tolist(), raws, strict=True):
        alone = typed(path, raw)
        assert (column.texts[code], column.malformed.get(code, "")) == (alone.canonical, alone.why)
        assert alone.value is None or column.values[code] == alone.value


def test_parquet_of_many_rows_says_what_one_alone_would(tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    moment, first = datetime(2026, 11, 22, 9, tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    owners = [[{"name": f"B{n % 7}", "pct": n % 3 / 8}, None][: n % 3] if n % 5 else None for n in range(MANY)]
    held: dict[str, tuple[list[Any], Any]] = {
        "amount": ([Decimal(n) / 100 if n % 9 else None for n in range(MANY)], pa.decimal128(38, 6)),
        "quantity": ([Decimal(f"{10**35 + n}.00") for n in range(MANY)], pa.decimal128(38, 2)),
        "unitPrice": ([-n / 7 for n in range(MANY)], pa.float64()),
        "executionTs": ([moment + timedelta(milliseconds=n * 125) for n in range(MANY)], pa.timestamp("us", "UTC")),
        "asOf": ([first + timedelta(hours=n) for n in range(MANY)], pa.timestamp("ms", "UTC")),
        "counterparty.owners": (owners, pa.list_(pa.struct([("name", pa.string()), ("pct", pa.float64())]))),
        "uti": ([f"U{n}" for n in range(MANY)], pa.string()),
    }
    rows = parquet(tmp_path / "many.parquet", pa.table({path: pa.array(*each) for path, each in held.items()}))
    for row in range(MANY):
        cells = {path: values[row] for path, (values, _) in held.items() if values[row] is not None}
        expected = {path: typed(path, raw) for path, raw in cells.items()}
        found = rows.chunk.transaction(row)
        assert found.canonical == {path: each.canonical for path, each in sorted(expected.items())}
        assert found.values == {path: each.value for path, each in expected.items() if each.value is not None}
        assert found.malformed == {path: each.why for path, each in expected.items() if each.value is None}


@pytest.mark.parametrize("group", [10, 64, 100, 250, 1000])
def test_groups_of_rows_are_parted_evenly_and_small_ones_put_together(group: int, tmp_path: Path) -> None:
    names = [f"T{n}" for n in range(1000)]
    table = pa.table({"transactionId": names, "currency": ["USD", "EUR"] * 500})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=group)
    made = ParquetSource(tmp_path / "t.parquet", "t.parquet", lenient=False)
    reader, first, found = ParquetReader(), 1, []
    assert [each for _, data in made.batches(100, ids=True) for each in reader.ids(data, 1)] == names
    sizes = []
    for size, data in made.batches(100):
        rows = reader.rows(data, first)
        assert rows.lines == range(first, first + size)
        found += [rows.chunk.transaction(row).canonical for row in range(size)]
        first += size
        sizes.append(size)
    assert found == [{"currency": "EUR" if n % 2 else "USD", "transactionId": each} for n, each in enumerate(names)]
    assert 50 <= min(sizes[:-1]) <= max(sizes) <= 100


def test_groups_of_fields_that_repeat_are_read_as_each_alone() -> None:
    groups = [
        b'{"kyc":{"pep":true,"status":"verified"},"counterparty":{"name":"A","owners":[{"name":"O"}]}}',
        b'{"kyc":{"status":"verified","pep":true},"counterparty":"A"}', b'{"kyc":{},"counterparty":""}',
        b'{"kyc":{"pep":true,"pep":true}}', b'{"kyc":[1]}', b'{"kyc":{"status":"\xff"}}', b'{"kyc":{"peep":true}}',
        b'{"counterparty":{"name":null}}', b'{"payment":{"originator":{"name":"A"},"beneficiary":null}}',
        b'{"payment":{"originator":{"nam":"A"}}}', b'{"payment":{"originator":{"name":"A","name":"B"}}}',
        b'{"kyc":{"pep":true},"kyc":{"pep":true}}', b'{"counterparty":{"owners":[{"a":1,"a":1}]}}',
    ]  # fmt: skip
    for chosen in (groups, [each for each in groups if not isinstance(exact(each), str)]):
        lines = [line for line in chosen for _ in range(3)]
        assert told(LineReader(lenient=False).rows(b"\n".join(lines), 1), len(lines)) == [exact(line) for line in lines]


def test_a_parquet_column_that_cannot_be_told_refuses_the_file(tmp_path: Path) -> None:
    for column, code in (("amonut", "QX-TXN-002"), ("isin", "QX-TXN-001")):
        pq.write_table(pa.table({column: pa.array([b"x"])}), tmp_path / "t.parquet")
        with pytest.raises(QxError) as caught:
            ParquetSource(tmp_path / "t.parquet", "t.parquet", lenient=False)
        assert caught.value.code == code


def test_blocks_end_where_rows_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BLOCK", 16)
    monkeypatch.setattr(source, "LONGEST", 64)
    data = b'a\n"b\n\n",1\n' + b"c" * 40 + b"\n" + b"d" * 200 + b"\ne"
    found = list(source.blocks(io.BytesIO(data)))
    assert b"".join(data[each.offset : each.offset + each.size] for each in found) == data
    assert [each.line for each in found] == [1 + data.count(b"\n", 0, each.offset) for each in found]
    assert [data[each.offset : each.offset + 1] for each in found if each.endless] == [b"d"]
    quoted = [data[each.offset : each.offset + each.size] for each in source.blocks(io.BytesIO(data), quoted=True)]
    assert b"".join(quoted) == data
    assert all(each.count(b'"') % 2 == 0 for each in quoted)


@pytest.mark.parametrize(("array", "items"), [
    (b'[{"a":"]},{"},\n {"b":[1,{"c":"\\"}"}]} , 5]', [b'{"a":"]},{"}', b'{"b":[1,{"c":"\\"}"}]}', b"5"]),
    (b"\xef\xbb\xbf [{}]\n", [b"{}"]), (b"[{},,{}]", [b"{}", b",", b"{}"]), (b'[{"a":]},{}]', [b'{"a":]}', b"{}"]),
    (b'[{"a":\n"x\ny"}]', [b'{"a":\r"x\ry"}']),
])  # fmt: skip
@pytest.mark.parametrize("block", [7, 1 << 20])
def test_an_array_is_parted_into_its_items(array: bytes, items: list[bytes], block: int,
                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(source, "BLOCK", block)
    lines = io.BytesIO()
    assert source.unrolled(io.BytesIO(array), lines, "a.json") == len(items)
    assert lines.getvalue().split(b"\n")[:-1] == items


@pytest.mark.parametrize("array", [b"[", b"[]", b"[{}", b'[{"a":"', b"[{}] {}", b"[{}]]"])
def test_what_is_no_whole_array_is_refused(array: bytes) -> None:
    with pytest.raises(QxError, match="QX-TXN-001"):
        source.unrolled(io.BytesIO(array), io.BytesIO(), "a.json")


@pytest.mark.parametrize(("name", "data", "form"), [
    ("a.json", b'{"amount":\n1}', None), ("a.json", b" [{}]", "json"), ("a", b'{"a":1}\n{"a":2}\n', "ndjson"),
    ("a", b'{"a":1}\n', None), ("a", b'{"a":\n{"b":1}}', "ndjson"), ("a", b"transactionId,amount\nA,1\n", "csv"),
    ("a.CSV", b"x", "csv"), ("a", b"PAR1....", "parquet"), ("a", b'"=cmd()"', None), ("a", b"", None),
    ("a.jsonl", b"", "ndjson"), ("a", b"{broken\n{}\n", "ndjson"),
])  # fmt: skip
def test_a_file_is_told_by_its_name_or_how_it_begins(name: str, data: bytes, form: str | None) -> None:
    assert source.form_of(io.BytesIO(data), name) == form


def test_utf_16_is_named_as_such() -> None:
    with pytest.raises(QxError, match="UTF-16"):
        source.form_of(io.BytesIO('{"a":1}'.encode("utf-16")), "a.ndjson")
