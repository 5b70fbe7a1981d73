"""`qx config check|show|schema|init`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from jsonschema import Draft202012Validator

from tests.unit.config.base import BASE

if TYPE_CHECKING:
    from tests.cli.conftest import Qx

HERE = Path(__file__).parent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a valid regions.yaml."""
    (tmp_path / "regions.yaml").write_text(BASE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# -- check -----------------------------------------------------------------------------------------


def test_check_says_what_is_there(qx: Qx, folder: Path) -> None:
    result = qx("config", "check")
    assert result.exit == 0
    assert result.out == (
        "regions.yaml (current directory): no errors; "
        "3 regions, 2 clusters, 3 nodes, 2 residency rules, 1 approval, 0 schedules\n"
    )
    assert qx("config", "check", "-o", "json").json == {
        "schema": "qx.config-check/1",
        "file": "regions.yaml",
        "why": "current directory",
        "counts": {"regions": 3, "clusters": 2, "nodes": 3, "residency_rules": 2, "approvals": 1, "schedules": 0},
        "warnings": [],
    }


def test_check_names_the_file_in_force_and_why(qx: Qx, folder: Path) -> None:
    (folder / "regions.yaml").rename(folder / "other.yaml")
    assert qx("config", "check", env={"QX_CONFIG": "other.yaml"}).out.startswith("other.yaml (QX_CONFIG): ")
    assert qx("--config", "other.yaml", "config", "check").out.startswith("other.yaml (--config): ")
    assert qx("config", "check", "other.yaml", env={"QX_CONFIG": "x"}).out.startswith("other.yaml (argument): ")


def test_check_lists_all_errors_at_once(qx: Qx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    result = qx("config", "check", "many_errors.yaml")
    assert result.exit == 2
    assert result.out == ""
    assert result.err == (HERE / "many_errors.txt").read_text()


def test_check_lists_all_errors_as_one_document(qx: Qx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    result = qx("config", "check", "many_errors.yaml", "-o", "json")
    assert (result.exit, result.err) == (2, "")
    errors = result.json["errors"]
    text = (HERE / "many_errors.txt").read_text()
    assert len(errors) == text.count("error[QX-")
    assert [error["place"]["line"] for error in errors] == sorted(error["place"]["line"] for error in errors)
    assert all(error["hint"] for error in errors)
    assert "hunter2" not in result.out + text


def test_check_without_a_file(qx: Qx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = qx("config", "check")
    assert result.exit == 2
    assert "error[QX-CFG-001]: no regions.yaml: looked for regions.yaml" in result.err
    assert "`qx config init` writes a commented one" in result.err


def test_the_schema_library_is_not_loaded_even_for_errors() -> None:
    source = (
        "import sys; from pathlib import Path; from qx.config.load import load\n"
        "from qx.kernel.errors import Problems\n"
        "try: load(Path('many_errors.yaml'))\n"
        "except Problems as found: print(len(found.errors))\n"
        "assert not {'jsonschema', 'asyncio', 'typer', 'rich'} & set(sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", source], cwd=HERE, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 20


# -- show ------------------------------------------------------------------------------------------


def test_show_prints_defaults_too_and_secrets_as_references(qx: Qx, folder: Path) -> None:
    result = qx("config", "show")
    assert result.exit == 0
    lines = [line.split(maxsplit=1) for line in result.out.splitlines()]
    assert result.out.startswith("regions.yaml (current directory)\n")
    assert ["regions.eu-west.timezone", "UTC"] in lines
    assert ["clusters.trading.nodes.us-east.password", "env:TRADING_PASSWORD"] in lines
    assert ["clusters.trading.objectives.write_outage", "1m30s"] in lines


def test_show_does_not_resolve_a_secret(qx: Qx, folder: Path) -> None:
    result = qx("config", "show", "--origin", env={"TRADING_PASSWORD": "hunter2"})
    assert "hunter2" not in result.out + result.err
    assert "hunter2" not in qx("config", "show", "-o", "json", env={"TRADING_PASSWORD": "hunter2"}).out


def test_show_origin(qx: Qx, folder: Path) -> None:
    lines = [line.split() for line in qx("config", "show", "--origin").out.splitlines()]
    assert ["regions.eu-west.timezone", "UTC", "default"] in lines
    assert ["clusters.trading.nodes.us-east.priority", "100", "regions.yaml:28:19"] in lines


def test_show_as_a_document(qx: Qx, folder: Path) -> None:
    document = qx("config", "show", "--origin", "-o", "json").json
    assert document["schema"] == "qx.config/1"
    assert document["platform"]["clusters"]["trading"]["objectives"]["write_outage"] == 90.0
    assert {"key": "version", "value": 1, "origin": "file", "line": 1, "column": 10} in document["settings"]
    assert "settings" not in qx("config", "show", "-o", "json").json


def test_show_of_a_broken_file(qx: Qx, folder: Path) -> None:
    (folder / "regions.yaml").write_text("version: 1\n")
    assert qx("config", "show").exit == 2


# -- schema ----------------------------------------------------------------------------------------


def test_schema_is_one_in_every_form(qx: Qx) -> None:
    bare = json.loads(qx("config", "schema").out)
    Draft202012Validator.check_schema(bare)
    document = qx("config", "schema", "-o", "json").json
    assert document.pop("schema") == "qx.config-schema/1"
    assert document == bare


# -- init ------------------------------------------------------------------------------------------


def test_init_writes_a_file_that_check_accepts(qx: Qx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = qx("config", "init")
    assert (result.exit, result.out) == (0, "regions.yaml written; now `qx config check regions.yaml`\n")
    assert qx("config", "check").exit == 0
    assert qx("config", "init", "other.yaml", "-o", "json").json == {"schema": "qx.config-file/1", "file": "other.yaml"}
    assert (tmp_path / "other.yaml").read_text() == (tmp_path / "regions.yaml").read_text()


def test_init_overwrites_with_consent_only(qx: Qx, folder: Path) -> None:
    result = qx("config", "init")
    assert result.exit == 4
    assert "error[QX-CLI-003]: regions.yaml exists already" in result.err
    assert "--yes" in result.err
    assert (folder / "regions.yaml").read_text() == BASE
    assert qx("config", "init", "--yes").exit == 0
    assert (folder / "regions.yaml").read_text() != BASE


def test_init_where_nothing_can_be_written(qx: Qx, folder: Path) -> None:
    result = qx("config", "init", "nope/regions.yaml")
    assert result.exit == 1
    assert "error[QX-CFG-009]: nope/regions.yaml cannot be written: No such file or directory" in result.err
