"""`qx screen` and `qx lists`: what is found, what is told, the exit code; nothing is cleared by what cannot clear."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from qx.app import lists as held
from qx.compliance.selftest import BASE, laid_over
from tests.unit.adapters.test_lists import ADD, ALT, SDN, UK, UN

if TYPE_CHECKING:
    from tests.cli.conftest import Qx, Result

AT = ("--as-of", "2026-11-22")


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache")}


@pytest.fixture
def sdn(tmp_path: Path) -> tuple[str, ...]:
    files = {"sdn.csv": SDN, "alt.csv": ALT, "add.csv": ADD}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return tuple(str(tmp_path / name) for name in files)


FORCED = ("--force", "--reason", "a test", "--published", "2026-11-01")


def results(said: Result) -> list[str]:
    return [each["result"] for each in said.json["screened"]]


@pytest.mark.parametrize(("name", "result", "code"), [
    ("Future Bank BSC", "confirmed", 7), ("Iranian National Oil Company", "possible", 7),
    ("Роснефть Трейдинг", "possible", 7), ("National Italian Oil Company", "unclear", 3),
    ("ENERGY_CORP_BH", "unclear", 3),
    ("Chevron Products Company", "unclear", 3), ("=cmd|' /C calc'!A0", "unclear", 3), ("\x1b[31mred", "unclear", 3),
])  # fmt: skip
def test_a_name_is_held_against_what_is_shipped(qx: Qx, name: str, result: str, code: int) -> None:
    said = qx("screen", name, *AT, "-o", "json")
    assert (results(said), said.exit) == ([result], code)
    assert not said.json["can_clear"]
    assert "extract" in said.json["because"]
    assert "\x1b" not in qx("screen", name, *AT).out


def test_sectoral_first_and_blocked_since(qx: Qx) -> None:
    for day, result in (("2014-09-11", "unclear"), ("2025-10-21", "sectoral"), ("2025-10-23", "confirmed")):
        said = qx("screen", "PJSC Rosneft Oil Company", "--as-of", day, "-o", "json")
        assert results(said) == [result], day


def test_what_matched_is_explained(qx: Qx) -> None:
    said = qx("screen", "National Iranian Oil Products Company", *AT, "-o", "json").json
    (match,) = said["screened"][0]["matches"] or said["screened"][0]["near"]
    assert (match["uid"], match["how"], match["source"]) == ("11317", "near", "OFAC SDN")
    assert [each["asked"] for each in match["pairs"]] == ["national", "iranian", "oil", "company"]
    assert [each["word"] for each in match["only_asked"]] == ["products"]
    assert {each["source"] for each in said["lists"]} == {"OFAC SDN", "OFAC Russia"}
    assert all(len(each["sha256"]) == 64 for each in said["lists"])
    text = qx("screen", "National Iranian Oil Products Company", *AT).out
    assert "has products" in text


def test_official_files_are_imported_and_used(qx: Qx, home: dict[str, str], sdn: tuple[str, ...]) -> None:
    refused = qx("lists", "import", *sdn, env=home)
    assert (refused.exit, "QX-LIST-002" in refused.err, "too few entries" in refused.err) == (4, True, True)
    assert qx("lists", "import", *sdn, "--force", env=home).exit == 2
    taken = qx("lists", "import", *sdn, *FORCED, "-o", "json", env=home).json["lists"]
    assert [(each["source"], each["version"], each["entries"], each["new"]) for each in taken] == [
        ("OFAC SDN", "2026-11-01", 3, True),
    ]  # fmt: skip
    assert taken[0]["false_alarms"] == 0.0
    assert [doubt.split(":")[0] for doubt in taken[0]["doubts"]] == ["too few entries"]

    listed = qx("lists", "list", "-o", "json", env=home).json
    assert listed["held_in"].endswith("(the user's data directory)")
    assert [(each["source"], each["whole"], each["names"]) for each in listed["lists"]] == [
        ("OFAC SDN", True, 6)
    ]
    found = qx("screen", "Sandviken Bank", "-o", "json", env=home)
    assert (results(found), found.exit, found.json["can_clear"]) == (["possible"], 7, True)
    clear = qx("screen", "Gulf Energy Trading WLL", "-o", "json", env=home)
    assert (results(clear), clear.exit) == (["clear"], 0)
    late = qx("screen", "Gulf Energy Trading WLL", "--as-of", "2099-01-01", "-o", "json", env=home)
    assert (results(late), late.exit, "refreshed" in late.json["because"]) == (["unclear"], 3, True)
    entry = qx("lists", "show", "OFAC SDN:36", "-o", "json", env=home).json["entries"]
    assert entry[0]["entry"]["bic"] == "SNDVBHBM"
    assert qx("lists", "show", "36", env=home).out.startswith("entry")
    assert qx("lists", "show", "37000", env=home).exit == 2


def test_a_validation_uses_what_was_imported(
    qx: Qx, home: dict[str, str], sdn: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "txn.json"
    file.write_text(json.dumps(laid_over(BASE, {"counterparty.name": "MOROZOV, Pavel"})))
    words = ("validate", str(file), "--region", "bahrain", *AT, "-o", "json")
    assert qx(*words, env=home).exit == 10
    qx("lists", "import", *sdn, *FORCED, env=home)
    rejected = qx(*words, env=home)
    assert rejected.exit == 20
    assert "GL-SAN-001" in {each["ruleId"] for each in rejected.json["findings"]}


def test_the_same_list_again_is_no_new_version(
    qx: Qx, home: dict[str, str], sdn: tuple[str, ...], tmp_path: Path
) -> None:
    qx("lists", "import", *sdn, *FORCED, env=home)
    again = qx("lists", "import", *sdn, *FORCED, "-o", "json", env=home).json["lists"]
    assert not again[0]["new"]
    place = tmp_path / "data" / "qx" / "lists" / "ofac-sdn"
    assert len(list(place.iterdir())) == 1
    (tmp_path / "sdn.csv").write_bytes(
        SDN + SDN.replace(b"36,", b"46,").replace(b"37,", b"47,").replace(b"38,", b"48,")
    )
    newer = (*FORCED[:-1], "2026-11-02")
    assert qx("lists", "import", *sdn, *newer, "-o", "json", env=home).json["lists"][0]["former_entries"] == 3
    assert len(list(place.iterdir())) == 2
    assert qx("lists", "list", "-o", "json", env=home).json["lists"][0]["version"] == "2026-11-02"


def test_a_stored_list_that_was_changed_is_not_used(
    qx: Qx, home: dict[str, str], sdn: tuple[str, ...]
) -> None:
    taken = qx("lists", "import", *sdn, *FORCED, "-o", "json", env=home).json["lists"]
    stored = Path(taken[0]["path"])
    stored.write_bytes(stored.read_bytes().replace(b"SANDVIKEN", b"SANDVIKET"))
    said = qx("screen", "Sandviken Bank", env=home)
    assert (said.exit, "QX-LIST-004" in said.err) == (1, True)


def test_a_threshold_that_costs_too_many_alarms_is_refused(
    qx: Qx, home: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "un.xml").write_bytes(UN)
    monkeypatch.setattr(held, "false_alarms", lambda _: 3.1)
    said = qx("lists", "import", str(tmp_path / "un.xml"), "--extract", "--min", "0.5", env=home)
    assert (said.exit, "3.1 per 1,000 innocent names" in said.err) == (4, True)
    taken = qx(
        "lists", "import", str(tmp_path / "un.xml"), "--extract", "--force", "--reason", "try", env=home
    )
    assert (taken.exit, "3.1 per 1,000" in taken.out) == (0, True)
    assert not qx("lists", "list", "-o", "json", env=home).json["lists"][0]["whole"]


def test_lists_stand_beside_the_configuration_where_there_is_a_place(qx: Qx, tmp_path: Path) -> None:
    (tmp_path / "uk.csv").write_bytes(UK)
    (tmp_path / "lists").mkdir()
    config = tmp_path / "regions.yaml"
    assert qx("config", "init", str(config)).exit == 0
    said = qx(
        "lists", "import", str(tmp_path / "uk.csv"), "--force", "--reason", "try", "--config", str(config)
    )
    assert said.exit == 0, said.err
    assert [path.parent.name for path in (tmp_path / "lists").glob("*/*.json")] == ["uk"]
    assert "beside regions.yaml" in qx("lists", "list", "--config", str(config)).out


def test_names_of_a_file_and_of_standard_input(qx: Qx, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("Future Bank BSC\n\nGulf Energy Trading, WLL\n")
    said = qx("screen", str(names), *AT, "-o", "json")
    assert [each["asked"] for each in said.json["screened"]] == [
        "Future Bank BSC",
        "Gulf Energy Trading, WLL",
    ]
    assert said.exit == 7
    rows = tmp_path / "names.csv"
    rows.write_text('id,name\n1,"Future Bank, B.S.C."\n2,NIOC\n')
    assert results(qx("screen", str(rows), *AT, "-o", "json")) == ["confirmed", "confirmed"]
    assert "2 names: 2 confirmed" in qx("screen", str(rows), *AT).out
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\xfa")
    assert qx("screen", str(tmp_path / "bad.txt")).exit == 2


def test_a_match_is_cleared_with_a_reason_and_until_a_day(
    qx: Qx, home: dict[str, str], tmp_path: Path
) -> None:
    words = ("screen", "Iranian National Oil Company")
    assert qx(*words, "--clear", "OFAC SDN:11317", env=home).exit == 2
    assert qx(*words, "--clear", "OFAC SDN:1", "--reason", "x", env=home).exit == 2
    assert qx(*words, "--clear", "11317", "--reason", "x", "--until", "2020-01-01", env=home).exit == 2
    cleared = qx(*words, "--clear", "OFAC SDN:11317", "--reason", "a shop in Rome", "-o", "json", env=home)
    assert (results(cleared), cleared.exit) == (["unclear"], 3)  # the extract itself clears nobody
    (match,) = cleared.json["screened"][0]["matches"]
    assert (match["standing"], "@" in match["cleared_by"]) == ("cleared", True)
    kept = qx("lists", "cleared", "-o", "json", env=home).json["cleared"]
    assert [(each["party"], each["uid"], each["reason"]) for each in kept] == [
        ("Iranian National Oil Company", "11317", "a shop in Rome"),
    ]  # fmt: skip
    assert "a shop in Rome" in qx("lists", "cleared", env=home).out
    assert results(qx(*words, "--as-of", "2099-01-01", "-o", "json", env=home)) == ["possible"]

    document: dict[str, Any] = {"transactionId": "T", "counterparty": {"name": words[1], "country": "IT"}}
    file = tmp_path / "txn.json"
    file.write_text(json.dumps(document))
    assert results(qx("screen", str(file), "-o", "json", env=home)) == ["possible"]  # another record
    clear = ("--clear", "11317", "--reason", "a shop in Rome")
    assert results(qx("screen", str(file), *clear, "-o", "json", env=home)) == ["unclear"]
    document["counterparty"]["country"] = "IR"
    file.write_text(json.dumps(document))
    assert results(qx("screen", str(file), "-o", "json", env=home)) == ["possible"]


def test_what_is_no_list_or_no_directory_is_told(qx: Qx, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n")
    assert "QX-LIST-001" in qx("lists", "import", str(tmp_path / "x.csv"), "--lists", str(tmp_path / "l")).err
    assert (
        "QX-LIST-001" in qx("lists", "import", str(tmp_path / "none.csv"), "--lists", str(tmp_path / "l")).err
    )
    assert "QX-LIST-005" in qx("screen", "x", "--lists", str(tmp_path / "none")).err
    assert "QX-LIST-003" in qx("lists", "import", str(tmp_path / "x.csv")).err  # no home to hold them in
    assert qx("screen", "x", "--min", "0.2").exit == 2
