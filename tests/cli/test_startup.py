"""The cost of a start, counted in modules: it is the same on every machine and every day."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

NEVER = {"rich", "pydantic", "asyncio", "yaml", "numpy", "httpx", "psycopg", "redis", "msgspec", "jsonschema",
         "prometheus_client"}

QX = "import sys; sys.argv[0] = 'qx'; from qx.cli.main import main as start"
BARE = """
import typer
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
@app.command()
def one(region: str, wide: bool = False) -> None: "One."
@app.command()
def two(region: str, wide: bool = False) -> None: "Two."
start = app
"""
MEASURED = """
import sys, json
try:
    start()
except SystemExit as done:
    print(json.dumps({"exit": done.code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def loaded(program: str, *argv: str, env: dict[str, str] | None = None) -> tuple[int, set[str]]:
    ended = subprocess.run(
        [sys.executable, "-c", program + MEASURED, *argv],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
    )
    told = json.loads(ended.stderr.splitlines()[-1])
    return told["exit"] or 0, set(told["modules"])


@pytest.mark.parametrize(
    ("argv", "env", "exit_code"),
    [
        (["--help"], {}, 0),
        (["--version"], {}, 0),
        (["explain", "--help"], {}, 0),
        ([""], {"_QX_COMPLETE": "1"}, 0),
        (["explain", "--o"], {"_QX_COMPLETE": "1"}, 0),
        (["--no-such-option"], {}, 2),
        (["stauts"], {}, 2),
        (["explain", "QX-CFG-001"], {}, 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_start_loads_little(argv: list[str], env: dict[str, str], exit_code: int) -> None:
    code, modules = loaded(QX, *argv, env=env)
    _, bare = loaded(BARE, "--help")
    assert code == exit_code
    assert not {name.partition(".")[0] for name in modules} & NEVER
    if argv == ["--help"]:
        extra = modules - bare
        assert len(modules) - len(bare) <= 20, sorted(extra)


def test_help_and_tab_import_no_command() -> None:
    for argv, env in ((["--help"], {}), ([""], {"_QX_COMPLETE": "1"}), (["stauts"], {})):
        _, modules = loaded(QX, *argv, env=env)
        assert not {name for name in modules if name.startswith("qx.cli.commands.")}
