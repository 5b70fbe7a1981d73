"""The frame: flags before and after, errors as text and JSON, exit codes, Ctrl-C, bugs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
import typer

from qx.cli.frame import App, Root
from qx.cli.index import INDEX, Entry
from qx.cli.main import root
from qx.cli.options import Confirm, DryRun, Timeout, Watch, with_watch_values
from qx.cli.shell import Shell
from qx.kernel.errors import Place, Problems, QxError, Refused
from qx.kernel.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Qx

Raiser = dict[str, BaseException | None]


@pytest.fixture
def raising() -> Raiser:
    return {"error": None}


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch, raising: Raiser) -> Callable[[], Root]:
    """A tree with one verb `move` and one noun `runs list`, both answering with what they were given."""
    verb, noun = App(), App("The record of runs.")

    def told(ctx: typer.Context, **given: Any) -> Exit:
        shell: Shell = ctx.obj
        if raising["error"]:
            raise raising["error"]
        value = {**shell.flags._asdict(), **given}
        shell.answer("told", value, lambda _palette, _width: f"told {given}")
        return Exit.CHANGES

    @verb.command()
    def move(
        ctx: typer.Context,
        name: str = "",
        *,
        dry_run: DryRun = False,
        confirm: Confirm = None,
        timeout: Timeout = None,
        watch: Watch = None,
    ) -> Exit:
        """Move."""
        return told(ctx, name=name, dry_run=dry_run, confirm=confirm, timeout=timeout, watch=watch)

    @noun.command("list")
    def list_runs(ctx: typer.Context, region: str = "", *, watch: Watch = None) -> Exit:
        """List."""
        return told(ctx, region=region, watch=watch)

    @noun.command("export")
    def export_runs(
        ctx: typer.Context, output: Annotated[Literal["csv", "json"], typer.Option("-o", "--output")]
    ) -> int:
        """Export."""
        shell: Shell = ctx.obj
        shell.answer("told", {"own": output}, lambda _palette, _width: f"as {output}")
        return 10

    for name, app in (("move", verb), ("runs", noun)):
        module = type(sys)(f"tests_{name}")
        module.app = app  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"tests_{name}", module)
        monkeypatch.setitem(INDEX, name, Entry(f"tests_{name}", "For tests."))
    return root


@pytest.mark.parametrize(
    "argv",
    [
        ["-o", "json", "--dry-run", "--config=a.yaml", "--confirm", "eu", "--timeout", "1m30s", "-vv", "move"],
        ["move", "-o", "json", "--dry-run", "--config", "a.yaml", "--confirm=eu", "--timeout=90", "-v", "-v"],
        ["--dry-run", "-ojson", "--confirm", "us", "move", "--confirm", "eu", "--timeout=90", "--config=a.yaml", "-vv"],
    ],
    ids=["before", "after", "both, the later wins"],
)
def test_flags_before_and_after(qx: Qx, tree: Callable[[], Root], argv: list[str]) -> None:
    result = qx(*argv, tree=tree())
    assert result.exit == Exit.CHANGES
    assert result.json == {
        "schema": "qx.told/1", "output": "json", "config": "a.yaml", "no_color": False, "quiet": False, "verbose": 2,
        "name": "", "dry_run": True, "confirm": "eu", "timeout": 90.0, "watch": None,
    }


@pytest.mark.parametrize(
    "argv",
    [
        ["-o", "ndjson", "--watch=5", "runs", "list", "--region", "eu"],
        ["runs", "-o", "ndjson", "--watch", "5", "list", "--region", "eu"],
        ["-o", "json", "runs", "--watch=5s", "list", "--region", "eu", "-o", "ndjson"],
    ],
)
def test_flags_pass_through_a_noun(qx: Qx, tree: Callable[[], Root], argv: list[str]) -> None:
    told = qx(*argv, tree=tree()).json
    assert (told["output"], told["watch"], told["region"]) == ("ndjson", 5.0, "eu")


def test_a_flag_that_a_command_does_not_take_is_refused_wherever_it_stands(qx: Qx, tree: Callable[[], Root]) -> None:
    for argv in (["--dry-run", "runs", "list"], ["runs", "--dry-run", "list"], ["runs", "list", "--dry-run"]):
        result = qx(*argv, tree=tree())
        assert result.exit == Exit.USAGE
        assert "qx runs list has no option --dry-run" in result.err


@pytest.mark.parametrize(
    ("argv", "read"),
    [
        (["--watch", "status"], ["--watch=2s", "status"]),
        (["status", "--watch"], ["status", "--watch=2s"]),
        (["status", "--watch", "5"], ["status", "--watch=5"]),
        (["status", "--watch", "500ms", "eu"], ["status", "--watch=500ms", "eu"]),
        (["--watch=1", "status"], ["--watch=1", "status"]),
        (["run", "--", "--watch"], ["run", "--", "--watch"]),
    ],
)
def test_watch_may_stand_alone(argv: list[str], read: list[str]) -> None:
    assert with_watch_values(argv) == read


def test_watch_and_one_document_exclude_each_other(qx: Qx, tree: Callable[[], Root]) -> None:
    result = qx("move", "--watch", "-o", "json", tree=tree())
    assert result.exit == Exit.USAGE
    assert result.json["error"]["hint"] == "use -o ndjson"


@pytest.mark.parametrize(
    "argv", [["--no-such"], ["nothing"], ["runs", "lst"], ["move", "--timeout", "soon"], [], ["runs"]]
)
def test_every_usage_error_is_one_document_with_o_json(qx: Qx, tree: Callable[[], Root], argv: list[str]) -> None:
    result = qx("-o", "json", *argv, tree=tree())
    assert result.exit == Exit.USAGE
    assert result.err == ""
    assert result.json["schema"] == "qx.error/1"
    assert set(result.json["error"]) == {"code", "message", "hint", "place"}
    assert result.json["error"]["code"] == "QX-CLI-001"


def test_a_file_where_a_form_is_wanted_is_told_so(qx: Qx, tree: Callable[[], Root]) -> None:
    result = qx("move", "-o", "page.html", tree=tree())
    assert result.exit == Exit.USAGE
    assert "'page.html' is not one of 'table', 'json', 'ndjson'" in result.err
    assert "`-o` names a form, `> FILE` where it goes" in result.err


def test_a_command_may_have_forms_and_exits_of_its_own(qx: Qx, tree: Callable[[], Root]) -> None:
    assert qx("-o", "csv", "runs", "export", tree=tree())[:2] == (10, "as csv\n")
    assert qx("runs", "-o", "json", "export", tree=tree()).json == {"schema": "qx.told/1", "own": "json"}
    assert qx("-o", "csv", "runs", "list", tree=tree()).exit == Exit.USAGE


def test_did_you_mean(qx: Qx, tree: Callable[[], Root]) -> None:
    assert "help: did you mean 'explain'?" in qx("explian").err
    assert "help: did you mean 'list'?" in qx("runs", "lsit", tree=tree()).err
    assert "help: did you mean '--confirm'?" in qx("move", "--confrim", "eu", tree=tree()).err


def test_bare_qx_shows_help_on_stderr(qx: Qx) -> None:
    result = qx()
    assert (result.exit, result.out) == (Exit.USAGE, "")
    assert "Commands:" in result.err


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (QxError("QX-CFG-001", "no file"), Exit.USAGE),
        (Refused("QX-PLAN-001", "too far behind"), Exit.REFUSED),
        (QxError("QX-STORE-001", "held"), Exit.LEASE),
        (Problems([QxError("QX-CFG-003", "a"), QxError("QX-SEC-001", "b")]), Exit.USAGE),
        (ExceptionGroup("two", [QxError("QX-OBS-003", "a"), QxError("QX-RUN-002", "b")]), Exit.UNKNOWN),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (typer.Abort(), Exit.INTERRUPTED),
        (typer.Exit(9), Exit.LEASE),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_errors_become_exits(
    qx: Qx, tree: Callable[[], Root], raising: Raiser, error: BaseException, exit_code: Exit
) -> None:
    raising["error"] = error
    assert qx("move", tree=tree()).exit == exit_code


def test_sigterm_is_told_and_passed_on(qx: Qx, tree: Callable[[], Root], raising: Raiser) -> None:
    raising["error"] = SystemExit(Exit.TERMINATED)
    with pytest.raises(SystemExit) as ended:
        qx("move", tree=tree())
    assert ended.value.code == Exit.TERMINATED


def test_an_error_as_text(qx: Qx, tree: Callable[[], Root], raising: Raiser) -> None:
    place = Place("regions.yaml", 14, 5, "    hots: db")
    raising["error"] = QxError("QX-CFG-003", "unknown key 'hots'", hint="did you mean 'host'?", place=place)
    result = qx("move", tree=tree())
    assert result.out == ""
    assert result.err.splitlines() == [
        "error[QX-CFG-003]: unknown key 'hots'",
        " --> regions.yaml:14:5",
        "  |     hots: db",
        "  |     ^",
        "help: did you mean 'host'?",
        "see: qx explain QX-CFG-003",
    ]


def test_several_errors_as_json(qx: Qx, tree: Callable[[], Root], raising: Raiser) -> None:
    raising["error"] = Problems([QxError("QX-CFG-003", "a"), QxError("QX-CFG-005", "b", place=Place("f", 1, 2))])
    document = qx("move", "-o", "json", tree=tree()).json
    assert document["error"]["message"] == "a (and 1 more)"
    assert [(e["code"], e["place"]) for e in document["errors"]] == [
        ("QX-CFG-003", None), ("QX-CFG-005", {"file": "f", "line": 1, "column": 2}),
    ]


def test_a_bug_keeps_its_trace(
    qx: Qx, tree: Callable[[], Root], raising: Raiser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    raising["error"] = ZeroDivisionError("by nought")
    result = qx("move", "-o", "json", tree=tree())
    assert result.exit == Exit.BUG
    assert result.json["error"]["code"] == "QX-CLI-070"
    (crash,) = tmp_path.iterdir()
    assert str(crash) in result.json["error"]["hint"]
    assert "by nought" in crash.read_text()
    assert crash.stat().st_mode & 0o077 == 0
    assert "Traceback" in qx("move", "-v", tree=tree()).err


def test_colour_is_the_streams_own_and_can_be_forbidden(qx: Qx) -> None:
    assert "\x1b[" in qx("explian", terminal=True).err
    assert "\x1b[" not in qx("explian").err
    assert "\x1b[" not in qx("explian", terminal=True, env={"NO_COLOR": "1"}).err
    assert "\x1b[" not in qx("explian", terminal=True, env={"TERM": "dumb"}).err
    assert "\x1b[" not in qx("--no-color", "explian", terminal=True).err
    assert "\x1b[" in qx("explian", env={"FORCE_COLOR": "1"}).err


def test_a_reader_that_goes_away_changes_nothing() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "qx", "explain"], stdout=write_end, stderr=subprocess.PIPE, text=True, check=False
        )
    finally:
        os.close(write_end)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_every_command_of_the_index_loads_and_has_help(qx: Qx) -> None:
    for name in INDEX:
        result = qx(name, "--help")
        assert result.exit == Exit.DONE, result.err
