"""`qx validate` of a file of transactions: one answer whatever its form; exit codes; files whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qx.cli.main import root
from qx.cli.run import run
from qx.cli.streams import Streams
from qx.compliance.selftest import BASE, laid_over

if TYPE_CHECKING:
    from tests.cli.conftest import Qx

AT = ("--as-of", "2026-11-22T09:00:00Z")
GIVEN: list[dict[str, Any]] = [
    {}, {"amount": "999999.99", "unitPrice": "79.999999"}, {"counterparty.name": "Future Bank BSC"},
    {"currency": "USX"}, {"kyc": None}, {"counterparty.owners": None}, {"transactionId": "T0"},
]  # fmt: skip


def documents() -> list[dict[str, Any]]:
    return [laid_over(BASE, {"transactionId": f"T{number}", **each}) for number, each in enumerate(GIVEN)]


def flat(document: Any, above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in document.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found


def files(at: Path) -> dict[str, Path]:
    given = documents()
    rows = [flat(each) for each in given]
    columns = list(dict.fromkeys(path for row in rows for path in row))
    cells = [
        {path: json.dumps(value) if isinstance(value, (list, bool)) else value for path, value in row.items()}
        for row in rows
    ]
    (at / "a.json").write_text(json.dumps(given, indent=2))
    (at / "a.ndjson").write_text("".join(json.dumps(each) + "\n" for each in given))
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, columns)
    table.writeheader()
    table.writerows(cells)
    (at / "a.csv").write_text(text.getvalue(), encoding="utf-8-sig")
    amounts = ("amount", "unitPrice")
    pq.write_table(pa.table({
        path: pa.array([Decimal(str(row[path])) if path in row else None for row in rows], pa.decimal128(30, 6))
        if path in amounts else pa.array([row.get(path) for row in rows])
        for path in columns
    }), at / "a.parquet")  # fmt: skip
    pq.write_table(pa.Table.from_pylist(given), at / "nested.parquet")
    return {path.name: path for path in sorted(at.iterdir())}


def test_every_form_comes_to_the_same(qx: Qx, tmp_path: Path) -> None:
    alone = []
    for number, each in enumerate(documents()):
        one = tmp_path / f"one{number}.json"
        one.write_text(json.dumps(each))
        alone.append(qx("validate", str(one), "--region", "bahrain", *AT, "-o", "json").json)
    (tmp_path / "in").mkdir()
    seen = {}
    for name, path in files(tmp_path / "in").items():
        results = tmp_path / f"{name}.out.ndjson"
        said = qx("validate", str(path), "--region", "bahrain", *AT, "-o", "json", "--findings", str(results))
        assert said.exit == 20, said
        found = said.json
        assert (found["schema"], found["transactions"], found["unreadable"]) == ("qx.batch/1", 7, 0)
        assert found["statuses"] == {"approved": 0, "conditional": 5, "rejected": 2}
        assert found["duplicates"] == {"ids": 1, "rows": 2}
        rows = [json.loads(line) for line in results.read_text().splitlines()]
        assert [each["validationId"] for each in rows] == [each["validationId"] for each in alone]
        for row, one in zip(rows, alone, strict=True):
            own = [each for each in row["findings"] if each["ruleId"] != "GL-SCH-006"]
            assert own == [{key: each[key] for key in own[0]} for each in one["findings"]]
            assert (row["expiresAt"], row["transactionId"]) == (one["expiresAt"], one["transactionId"])
        seen[name] = (found["digest"], [{**each, "line": 0} for each in rows])
    assert len(seen) == 5
    assert all(each == seen["a.ndjson"] for each in seen.values())


def test_two_runs_give_the_same_bytes_on_any_number_of_processes(qx: Qx, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in documents()) * 3)
    said = [
        qx("validate", str(path), "--region", "bahrain", *AT, "-o", "json", "--jobs", jobs, "--findings",
           str(tmp_path / "out.csv")).out + (tmp_path / "out.csv").read_text()
        for jobs in ("1", "2", "3")
    ]  # fmt: skip
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize(("lines", "flags", "code"), [
    ([{}], (), 10), ([{}], ("--fail-on", "conditional"), 7), ([{}], ("--fail-on", "rejected"), 0),
    ([{"currency": "USX"}, {}], (), 20), ([{"currency": "USX"}, {}], ("--fail-on", "rejected"), 7),
    (["{", {}], (), 10), (["{"], (), 3), (["{", {}], ("--fail-on", "rejected"), 3),
    ([{"currency": "USX"}, "{"], (), 20),
])  # fmt: skip
def test_the_exit_code_is_the_worst_status(qx: Qx, tmp_path: Path, lines: list[Any], flags: tuple[str, ...],
                                           code: int) -> None:  # fmt: skip
    path = tmp_path / "a.ndjson"
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(laid_over(BASE, each)) for each in lines))
    assert qx("validate", str(path), "--region", "bahrain", *AT, *flags).exit == code


def test_one_transaction_knows_fail_on_and_the_sharia_profile(qx: Qx, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(laid_over(BASE, {"transactionType": "swap"})))
    common = ("validate", str(path), "--region", "bahrain", *AT, "-o", "json")
    assert qx(*common, "--fail-on", "rejected").exit == 0
    assert qx(*common, "--fail-on", "conditional").exit == 7
    said = qx(*common, "--profile", "islamic")
    assert (said.exit, said.json["status"]) == (20, "rejected")
    out = tmp_path / "out.ndjson"
    batch = qx(*common, "--profile", "islamic", "--findings", str(out))
    assert (batch.exit, batch.json["transactions"]) == (20, 1)
    assert json.loads(out.read_text())["validationId"] == said.json["validationId"]


def test_what_cannot_be_read_is_told_with_its_line_and_the_rest_goes_on(qx: Qx, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    good = json.dumps(laid_over(BASE, {})).encode()
    bad = [b"{", b"[]", b'{"amonut":1}', b'{"amount":1,"amount":2}', b'{"counterparty":"\xff"}', b'{"a":' * 5000]
    path.write_bytes(b"\n".join([good, *bad, b"", good]))
    said = qx("validate", str(path), "--region", "bahrain", *AT, "-o", "json")
    assert (said.exit, said.json["transactions"], said.json["unreadable"]) == (10, 2, 6)
    assert said.json["rejects"] == f"{path}.rejects.ndjson"
    told = [json.loads(line) for line in Path(said.json["rejects"]).read_text().splitlines()]
    assert [each["line"] for each in told] == [2, 3, 4, 5, 6, 7]
    assert [each["code"] for each in told] == [*["QX-TXN-001"] * 2, "QX-TXN-002", *["QX-TXN-001"] * 3]
    again = qx("validate", str(path), "--region", "bahrain", *AT, "-o", "json").json
    assert again["rejects"] == f"{path}.rejects-2.ndjson"
    other = qx("validate", str(path), "--region", "bahrain", *AT, "-o", "json", "--rejects", said.json["rejects"])
    assert (other.exit, other.json["error"]["code"]) == (2, "QX-TXN-011")


@pytest.mark.parametrize(("findings", "rejects"), [
    ("a.ndjson", ""), ("", "a.ndjson"), ("b.ndjson", "b.ndjson"), ("b.txt", ""), ("", "b.parquet"), ("none/b.csv", ""),
])  # fmt: skip
def test_files_that_cannot_be_are_refused_before_anything_is_done(qx: Qx, tmp_path: Path, findings: str,
                                                                  rejects: str) -> None:  # fmt: skip
    path = tmp_path / "a.ndjson"
    path.write_text(json.dumps(BASE))
    named = [("--findings", findings), ("--rejects", rejects)]
    flags = [word for option, name in named if name for word in (option, str(tmp_path / name))]
    said = qx("validate", str(path), "--region", "bahrain", *AT, "-o", "json", *flags)
    assert (said.exit, said.json["error"]["code"] in ("QX-CLI-001", "QX-TXN-011")) == (2, True)
    assert [each.name for each in tmp_path.iterdir()] == ["a.ndjson"]
    assert path.read_text() == json.dumps(BASE)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text((json.dumps(laid_over(BASE, {})) + "\n") * 3000)
    limited = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from qx.cli.main import main
main()
"""
    argv = ["validate", str(path), "--region", "bahrain", *AT, "--findings", str(tmp_path / "o.ndjson"), "--jobs", "1"]
    said = subprocess.run([sys.executable, "-c", limited, *argv], capture_output=True, text=True, check=False)
    assert (said.returncode, "QX-TXN-011" in said.stderr) == (2, True), said
    assert [each.name for each in tmp_path.iterdir()] == ["a.ndjson"]


def test_standard_input_is_read_twice_like_a_file(tmp_path: Path) -> None:
    for data, count in ((json.dumps(documents()), 7), ("\n".join(map(json.dumps, documents())), 7)):
        out = io.StringIO()
        argv = ["validate", "-", "--region", "bahrain", *AT, "-o", "json", "--rejects", str(tmp_path / "r.ndjson")]
        assert run(root(), argv, Streams(io.StringIO(data), out, io.StringIO(), {"COLUMNS": "80"})) == 20
        assert json.loads(out.getvalue())["transactions"] == count
        assert json.loads(out.getvalue())["file"] == "-"


@pytest.mark.parametrize("data", [b"\n\n", b"transactionId,amount\n"])
def test_a_file_of_no_transaction_is_refused(qx: Qx, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / ("a.csv" if b"," in data else "a.ndjson")
    path.write_bytes(data)
    said = qx("validate", str(path), "--region", "bahrain", *AT, "-o", "json")
    assert (said.exit, said.json["error"]["code"]) == (2, "QX-TXN-001")


def test_the_screen_fits_a_terminal_and_moves_no_cursor(qx: Qx, tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    hostile = [{"transactionId": "=1+1"}, {"transactionId": "a\x1b[2Jb"}, {"counterparty.name": "\u202eevil\x1b[2J"}]
    path.write_text("\n".join(json.dumps(laid_over(BASE, each)) for each in hostile) + '\n{"\\u001b[2J":1}')
    said = qx("validate", str(path), "--region", "bahrain", *AT, terminal=True, env={"NO_COLOR": "1"})
    assert said.exit == 20
    assert "\x1b[2J" not in said.out
    assert "\u202e" not in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert "reading ids" in said.err


def test_an_interrupt_leaves_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    line = json.dumps(laid_over(BASE, {})) + "\n"
    path.write_text(line * 30_000)
    out = str(tmp_path / "out.ndjson")
    argv = ["validate", str(path), "--region", "bahrain", *AT, "--findings", out, "--jobs", "2"]
    with subprocess.Popen([sys.executable, "-m", "qx", *argv], stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.glob(".out.ndjson.*.part")):
            assert process.poll() is None
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert (process.returncode, "QX-CLI-130" in said) == (130, True)
    assert [each.name for each in tmp_path.iterdir()] == ["a.ndjson"]


def test_a_provider_is_asked_about_the_counterparties_of_a_batch_as_of_one(qx: Qx, tmp_path: Path) -> None:
    regions = (Path(__file__).parents[2] / "regions.yaml").read_text()
    (tmp_path / "regions.yaml").write_text(f"{regions}\nkyc: {{driver: file, name: registry, path: kyc.csv}}\n")
    (tmp_path / "kyc.csv").write_text("name,status\nGulf Energy Trading WLL,failed\n")
    documents = [laid_over(BASE, {"transactionId": f"T{number}", "counterparty.lei": None}) for number in range(3)]
    documents.append(laid_over(BASE, {"transactionId": "T9", "counterparty.lei": None, "counterparty.name": "Else"}))
    at = [*AT, "--config", str(tmp_path / "regions.yaml"), "-o", "json"]
    alone = []
    for number, document in enumerate(documents):
        (tmp_path / f"{number}.json").write_text(json.dumps(document))
        alone.append(json.loads(qx("validate", str(tmp_path / f"{number}.json"), "--region", "bahrain", *at).out))
    (tmp_path / "all.ndjson").write_text("".join(json.dumps(each) + "\n" for each in documents))
    results = tmp_path / "out.ndjson"
    qx("validate", str(tmp_path / "all.ndjson"), "--region", "bahrain", *at, "--findings", str(results))
    batch = [json.loads(line) for line in results.read_text().splitlines()]
    assert [each["validationId"] for each in batch] == [each["validationId"] for each in alone]
    assert [each["status"] for each in batch] == [each["status"] for each in alone]
    home = {"HOME": str(tmp_path / "home")}
    everywhere = qx("validate", str(tmp_path / "0.json"), "--region", "all", *at, env=home)
    assert everywhere.exit == 10, everywhere
    again = qx("verify", batch[0]["validationId"], "--config", str(tmp_path / "regions.yaml"), "-o", "json", env=home)
    assert again.exit == 0, again  # the answer of this region went to its record, and is the one that it gives alone
    found = [{each["ruleId"]: each["outcome"] for each in row["findings"]} for row in batch]
    assert [each.get("GL-AML-005") for each in found] == ["fail"] * 4  # whatever the documents say
