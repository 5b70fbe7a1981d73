"""A batch is judged as its rows would be alone; ids that stand twice; files whole or not at all; processes in order."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qx.app.batch import work
from qx.app.batch.copies import Copies, hashes
from qx.app.batch.pool import Broken, Pool
from qx.app.batch.results import Rejects, Whole, cell, rendered, sink
from qx.app.batch.told import Answer, Line, Told
from qx.app.batch.work import Job, Task, Work
from qx.app.compliance import Desk
from qx.compliance.columnar.column import Chunk
from qx.compliance.screening import screen
from qx.compliance.selftest import BASE, laid_over
from qx.compliance.transaction import read
from qx.compliance.validate import validate
from qx.kernel.errors import QxError
from qx.model.batch import Form, Reject

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


@lru_cache
def desk() -> Desk:
    return Desk({}, cwd=Path("/nonexistent"))


def job(file: Path, **given: Any) -> Job:
    made = Job(file, "t.ndjson", "ndjson", desk().rulebook("bahrain"), desk().lists, None, AT, into="ndjson")
    return made._replace(**given)


GIVEN: list[dict[str, Any]] = [
    {}, {"amount": "x"}, {"currency": "USX", "amount": None}, {"counterparty.name": "Future Bank BSC"}, {"kyc": None},
    {"asOf": "2018-06-30T00:00:00Z", "relationship": "occasional"}, {"kyc.reviewedAt": "2023-11-21"},
    {"payment.originator": None, "payment.direction": "inward"}, {"islamic": True, "transactionType": "swap"},
    {"counterparty.owners": [{"name": "FUTURE BANK B.S.C.", "pct": "60"}, {"name": "Z"}]}, {"vessel.imo": "9218479"},
    {"workflow.approvedBy": "ada"}, {"unitPrice": "79.50"}, {"attestations": None}, {"counterparty": "X"},
    {"counterparty.name": "Y", "counterparty": {"name": "Z"}}, {"settlementDate": "2026-11-01"},
    {"counterparty.country": "KP"}, {"transactionId": None},
]  # fmt: skip


def documents() -> list[dict[str, Any]]:
    return [laid_over(BASE, {"transactionId": f"T{number}", **each}) for number, each in enumerate(GIVEN)]


@pytest.mark.parametrize("region", ["bahrain", "us", "eu"])
@pytest.mark.parametrize("flags", [{}, {"at": AT}, {"islamic": True}, {"explain": True}])
def test_every_row_is_judged_as_it_would_be_alone(tmp_path: Path, region: str, flags: dict[str, Any],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(work, "CHECKED", ("",))  # all of them are judged again
    file = tmp_path / "t.ndjson"
    lines = [json.dumps(each).encode() for each in documents()]
    lines.append(b'{"transactionId":"odd","counterparty.name":"A","counterparty":{"name":5.5}}')
    file.write_bytes(b"\n".join(lines))
    found = Work(job(file, book=desk().rulebook(region), **flags))(Task("rows", 1, 0, file.stat().st_size))
    assert not isinstance(found, bytes)
    assert (found.rows, found.checked, len(found.rejects)) == (len(lines), len(lines), 0)


def test_a_row_that_comes_to_something_else_ends_the_batch(tmp_path: Path) -> None:
    file = tmp_path / "t.ndjson"
    file.write_text(json.dumps(BASE))
    one = Work(job(file))
    rows = one._text.rows(file.read_bytes(), 7)
    every, _ = one._told(rows, rows.chunk, one._judge.judged(rows.chunk, AT))
    told = every.row(0)
    one._check(rows, rows.chunk, 0, told)
    for other in (told._replace(score=99), told._replace(findings=b"[]"), told._replace(validation_id="qxv1-0")):
        with pytest.raises(QxError, match=r"QX-TXN-012.*t.ndjson:7"):
            one._check(rows, rows.chunk, 0, other)


def test_every_copy_is_flagged_and_keeps_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "CHECKED", ("",))
    file = tmp_path / "t.ndjson"
    documents = [laid_over(BASE, {"transactionId": name}) for name in ("A", " A ", "B", "A")]
    documents += [{"transactionId": "A", "counterparty.name": "X", "counterparty": {"name": 1.5}}, {}, {}]
    file.write_text("\n".join(map(json.dumps, documents)))
    one = Work(job(file))
    whole = Task("rows", 1, 0, file.stat().st_size)
    known = one(whole._replace(what="ids"))
    assert isinstance(known, bytes)
    copies = Copies.among(bytearray(known))
    copies.save(tmp_path / "copies")
    found = one(whole._replace(copies=str(tmp_path / "copies")))
    assert not isinstance(found, bytes)
    assert (found.copies, found.rules["GL-SCH-006", "fail"]) == (4, 4)
    for line, document in zip(found.results.splitlines(), documents, strict=True):
        told = json.loads(line)
        transaction = read(document)
        alone = validate(transaction, desk().rulebook("bahrain"), AT, screen(transaction, desk().lists, AT))
        assert told["validationId"] == alone.validation_id
        flagged = [each for each in told["findings"] if each["ruleId"] == "GL-SCH-006"]
        assert bool(flagged) is (transaction.name == "A")
        assert told["status"] in ("conditional", "rejected")
        if flagged:
            assert flagged[0]["message"] == "4 transactions of the batch bear the transactionId A."
            assert told["complianceScore"] <= alone.compliance_score


@given(st.lists(st.one_of(st.sampled_from(["a", "b", " a", "", "c", 7, "7", True, None, 1.5]), st.text(max_size=3))))
def test_copies_are_what_stands_more_than_once(ids: list[Any]) -> None:
    names = [str(each).strip() for each in ids if isinstance(each, (str, int)) and not isinstance(each, bool)]
    twice = {name: names.count(name) for name in names if name and names.count(name) > 1}
    found = Copies.among(bytearray(hashes(ids)))
    assert (len(found.hashes), sorted(found.counts)) == (len(twice), sorted(twice.values()))
    if twice:
        sound = [name for name in names if name and read({"transactionId": name}).name == name]
        column = found.column(Chunk.of([read({"transactionId": name}) for name in sound])) if sound else None
        counts = {} if column is None else {
            name: int(column.texts[code]) for name, code in zip(sound, column.codes, strict=True) if code >= 0
        }  # fmt: skip
        assert counts == {name: count for name, count in twice.items() if name in sound}


def test_copies_are_found_across_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    from qx.app.batch import copies

    monkeypatch.setattr(copies, "STEP", 3)
    found = Copies.among(bytearray(hashes([f"i{n // 2}" for n in range(21)])))
    assert found.counts.tolist() == [2] * 10


LINE = Line(3, "=cmd|' /C calc'!A0", "qxv1-0", "rejected", 9, "2026-11-29T00:00:00Z", msgspec.json.encode([
    {"ruleId": "R", "outcome": "fail", "severity": "flag", "message": 'a "quoted"\x1b[2J text'},
]))  # fmt: skip


def told(lines: list[Line]) -> Told:
    answers = list(dict.fromkeys(Answer(*line[3:6]) for line in lines))
    which = np.array([answers.index(Answer(*line[3:6])) for line in lines])
    lines_, names, ids, _, _, _, findings = zip(*lines, strict=True)
    made = Told(lines_, names, ids, answers, which, findings)
    assert list(made.rows()) == lines
    return made


def written(form: Form, parts: list[list[Line]], path: Path) -> bytes:
    whole = Whole(path, replaces=True)
    into = sink(form, whole.begin())
    for part in parts:
        into.write(rendered(form, told(part)))
    assert not path.exists()
    into.close()
    whole.done()
    return path.read_bytes()


def test_results_say_the_same_in_every_form(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    other = LINE._replace(line=4, name="", findings=b"[]")
    parts = [[LINE, other._replace(score=10), other], [other._replace(line=5)]]
    ndjson = [json.loads(line) for line in written("ndjson", parts, tmp_path / "a.ndjson").splitlines()]
    assert [(each["line"], each["complianceScore"]) for each in ndjson] == [(3, 9), (4, 10), (4, 9), (5, 9)]
    assert ndjson[0]["findings"][0]["ruleId"] == "R"
    assert json.loads(written("json", parts, tmp_path / "a.json")) == ndjson
    written("parquet", parts, tmp_path / "a.parquet")
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == ndjson
    table = written("csv", parts, tmp_path / "a.csv").decode()
    rows = list(csv.reader(io.StringIO(table, newline="")))
    assert rows[0] == list(ndjson[0])
    assert rows[1][1] == "'=cmd|' /C calc'!A0"
    assert rows[1][-1] == 'R fail: a "quoted"\\x1b[2J text'
    assert len(rows) == 5


@pytest.mark.parametrize("form", ["ndjson", "json", "csv", "parquet"])
def test_a_file_of_no_results_is_one_of_its_form(form: Form, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    data = written(form, [], tmp_path / f"a.{form}")
    assert (json.loads(data) == []) if form == "json" else True
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 0 if form == "parquet" else data.count(b"{") == 0


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert cell(text).startswith("'")
    assert cell(-5) == -5


def test_rejects_are_made_with_the_first_and_never_overwrite(tmp_path: Path) -> None:
    file = str(tmp_path / "t.csv")
    none = Rejects(file, "")
    none.write(())
    none.done()
    assert list(tmp_path.iterdir()) == []
    one = Reject(line=1, code="QX-TXN-001", reason="=bad", text="\x1b[2J\n")
    for name in ("t.csv.rejects.ndjson", "t.csv.rejects-2.ndjson"):
        made = Rejects(file, "")
        made.write((one,))
        assert not (tmp_path / name).exists()
        made.done()
        made.undo()
        assert json.loads((tmp_path / name).read_text()) == msgspec.to_builtins(one)
    with pytest.raises(QxError, match="QX-TXN-011"):
        Rejects(file, str(tmp_path / "t.csv.rejects.ndjson"))
    made = Rejects(file, str(tmp_path / "r.csv"))
    made.write((one,))
    (tmp_path / "r.csv").write_text("somebody else's")
    with pytest.raises(QxError, match="QX-TXN-011"):
        made.done()
    assert (tmp_path / "r.csv").read_text() == "somebody else's"
    assert not list(tmp_path.glob(".*"))


def double(number: int) -> int:
    if number == 13:
        raise QxError("QX-TXN-001", "thirteen", hint="less")
    if number == 14:
        raise ValueError(number)
    if number == 15:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def test_a_pool_answers_in_order_and_hands_on_what_was_raised() -> None:
    with Pool(double, 3) as pool:
        assert list(pool.ordered(range(12))) == [2 * number for number in range(12)]
        assert list(pool.ordered([])) == []
    for number, error in ((13, "QX-TXN-001: thirteen"), (15, "QX-TXN-013")):
        with pytest.raises(QxError, match=error), Pool(double, 2) as pool:
            list(pool.ordered([1, number, *range(10)]))
    with pytest.raises(Broken, match="ValueError: 14"), Pool(double, 2) as pool:
        list(pool.ordered([14]))


def test_numbers_of_copies_are_facts() -> None:
    chunk = Chunk.of([read({"transactionId": "A"}), read({"transactionId": "B"})])
    column = Copies.among(bytearray(hashes(["A", "A"]))).column(chunk)
    assert column is not None
    there, gone = column.codes.tolist()
    assert (column.values[there], column.texts[there], gone) == (Decimal(2), "2", -1)
