"""`qx validate` of whatever bytes: a clear error or a finding, never a traceback, never an approval; and a batch says
of each of its lines what is said of that line alone.
"""

from __future__ import annotations

import io
import json
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qx.app.batch import work
from qx.app.batch.run import Wanted
from qx.app.batch.run import run as batched
from qx.app.compliance import document_of
from qx.cli.main import root
from qx.cli.run import run
from qx.cli.streams import Streams
from qx.compliance.selftest import AS_OF, BASE, laid_over
from qx.compliance.transaction import read
from qx.kernel.errors import QxError
from tests.fakes.remembered import Remembered, StandingClock
from tests.unit.compliance.test_acceptance import book, judged, lists

HOME = tempfile.TemporaryDirectory(prefix="qx-fuzz-")  # of all runs: packs are read once, the record grows
FORMS = (".json", ".ndjson", ".csv", ".parquet", "")
GOOD = json.dumps(BASE).encode()
HOSTILE: list[Any] = [
    "=HYPERLINK(1)", "+1+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3", "'; DROP TABLE x; --", '" OR 1=1 --',
    "\x1b[2J\x1b]0;x\x07", "\x00", "\u202eevil", "\ufeff", "a" * 5000, "\U0001f4a9" * 2000, "1e999999", "NaN",
    "Infinity", "-0", 10**400, -(10**40),
    1e308, 5e-324, True, [], {}, [[[]]], {"a": {"b": {"c": 1}}}, "9999-99-99", "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", [{"name": "\x1b[2J", "pct": "=1"}], '\r\n,"', "${jndi:x}",
]  # fmt: skip
PATHS = (
    "transactionId", "amount", "currency", "counterparty.name", "counterparty.owners", "counterparty", "settlementDate",
    "asOf", "executionTs", "kyc", "attestations", "islamic", "vessel.imo", "payment.originator.account",
)  # fmt: skip


def said(data: bytes, suffix: str, *flags: str) -> tuple[int, str]:
    """(exit, all that was said), of one run of the program on a file of these bytes."""
    with tempfile.TemporaryDirectory() as at:
        file = Path(at) / f"a{suffix}"
        file.write_bytes(data)
        out, err = io.StringIO(), io.StringIO()
        argv = ["validate", str(file), "--region", "bahrain", "--as-of", "2026-11-22T09:00:00Z", *flags]
        env = {"COLUMNS": "80", "XDG_CACHE_HOME": f"{HOME.name}/cache", "XDG_STATE_HOME": f"{HOME.name}/state"}
        return run(root(), argv, Streams(io.StringIO(), out, err, env)), out.getvalue() + err.getvalue()


def fine(data: bytes, suffix: str, *flags: str) -> None:
    code, text = said(data, suffix, *flags)
    assert code in (2, 3, 10, 20), text
    assert not [char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs")]


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """A sound line with something done to its bytes."""
    data = bytearray(GOOD)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.sampled_from(["cut", "flip", "insert", "double"])):
            case "cut":
                del data[at:]
            case "flip":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "insert":
                data[at:at] = draw(st.sampled_from([
                    b'"', b"{", b"[", b"]", b"\\", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\x00", b"NaN", b"1e99999999",
                    b",,", b'"amount":7,', b" ", b"\t", b"[" * 2000, b"9" * 5000,
                ]))  # fmt: skip
            case _:
                data[at:at] = data[at : at + draw(st.integers(1, 400))]
    return bytes(data)


@pytest.mark.parametrize("suffix", FORMS)
@given(data=st.one_of(st.binary(max_size=200), broken(), st.lists(broken(), max_size=4).map(b"\n".join)))
@settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_come_to_an_error_or_a_finding(suffix: str, data: bytes) -> None:
    fine(data, suffix)


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff", b"PAR1", b"\x1f"])
@pytest.mark.parametrize("suffix", [".ndjson", *(pytest.param(each, marks=pytest.mark.slow) for each in FORMS)])
def test_any_mark_of_an_encoding_comes_to_an_error_or_a_finding(suffix: str, start: bytes) -> None:
    fine(start + GOOD + b"\n" + GOOD, suffix)


@given(values=st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(HOSTILE)), min_size=1, max_size=3))
@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
def test_hostile_values_come_to_a_finding_in_every_form(values: list[tuple[str, Any]]) -> None:
    document = laid_over(BASE, {})
    for path, value in values:
        document = laid_over(document, {path: value}) if isinstance(document.get(path.split(".")[0]), dict) or (
            "." not in path) else document  # fmt: skip
    line = json.dumps(document).encode()
    fine(line, ".json")
    fine(line + b"\n" + line, ".ndjson", "-o", "json")
    fine(b"[" + line + b"]", ".json")


cell = st.one_of(st.text(max_size=6), st.sampled_from([str(each) for each in HOSTILE]))
junk = st.sampled_from([b"", b'"', b'"a"b', b"\x00", b"\xff", b"\r", b"a,b,c,d,e,f"])


@given(cells=st.lists(st.lists(cell, max_size=4), max_size=5), junk=junk)
@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
def test_ragged_tables_come_to_an_error_or_a_finding(cells: list[list[str]], junk: bytes) -> None:
    rows = "".join(",".join(f'"{cell}"' if "," in cell else cell for cell in row) + "\n" for row in cells)
    fine(b"transactionId,amount,counterparty.owners\n" + rows.encode("utf-8", "replace") + junk + b"\nA,1,[]\n", ".csv")


@given(at=st.floats(0, 1), flip=st.binary(min_size=1, max_size=8), cut=st.booleans())
@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_parquet_file_comes_to_an_error_or_a_finding(at: float, flip: bytes, cut: bool) -> None:
    sink = pa.BufferOutputStream()
    columns = {"transactionId": [f"T{n}" for n in range(50)], "amount": [1.5] * 50, "tradeDate": ["2026-11-22"] * 50}
    pq.write_table(pa.table(columns), sink)
    data = bytearray(sink.getvalue().to_pybytes())
    place = int(at * (len(data) - 1))
    data[place:] = data[place:][: 0 if cut else None]
    if not cut:
        data[place : place + len(flip)] = flip
    fine(bytes(data), ".parquet")


def test_the_base_would_be_approved() -> None:
    """Else the next test would prove nothing."""
    assert judged(BASE, "bahrain", AS_OF).status == "approved"


@given(lines=st.lists(st.one_of(broken(), st.just(GOOD)), min_size=1, max_size=6))
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_a_batch_says_of_a_line_what_is_said_of_it_alone(lines: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "CHECKED", ("",))  # whatever is judged is judged alone too, and compared
    split = [GOOD, *(line for each in lines for line in each.split(b"\n"))]
    expected: dict[int, str] = {}
    for number, line in enumerate(split, 1):
        if line.strip():
            try:
                read(document_of(line, "it"))
            except QxError as error:
                expected[number] = error.code
    with tempfile.TemporaryDirectory() as at:
        file, out, bad = Path(at) / "a.ndjson", Path(at) / "out.ndjson", Path(at) / "bad.ndjson"
        file.write_bytes(b"\n".join(split))
        wanted = Wanted(file, str(file), "ndjson", book("bahrain"), lists(), None, AS_OF, findings=str(out),
                        rejects=str(bad), jobs=1)  # fmt: skip
        record = Remembered(StandingClock(0.0))
        found = batched(wanted, record, lambda _doing, _rows, _share: None)
        told = [json.loads(line) for line in bad.read_bytes().splitlines()] if bad.exists() else []
        assert {each["line"]: each["code"] for each in told} == expected
        assert found.judged_twice == found.transactions == sum(1 for line in split if line.strip()) - len(expected)
        ids = {json.loads(line)["validationId"] for line in out.read_bytes().splitlines()}
        assert {each.row.validation_id for each in record.rows} == ids
        statuses = {each["line"]: each["status"] for each in map(json.loads, out.read_bytes().splitlines())}
        for number, line in enumerate(split, 1):
            if line == GOOD:
                assert statuses[number] == ("approved" if split.count(GOOD) == 1 and found.duplicates.rows == 0
                                            else "conditional")  # fmt: skip
