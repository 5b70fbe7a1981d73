"""`qx explain`, `qx completion`, `qx --version`, TAB."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qx import __version__
from qx.kernel.codes import CODES

if TYPE_CHECKING:
    from tests.cli.conftest import Qx


def test_version(qx: Qx) -> None:
    assert qx("--version").out == f"qx {__version__}\n"
    assert qx("--version", "-o", "json").json == {"schema": "qx.version/1", "version": __version__}


@pytest.mark.parametrize("code", CODES)
def test_every_code_explains_itself(qx: Qx, code: str) -> None:
    page = qx("explain", code.lower())
    assert page.exit == 0
    assert CODES[code].summary in page.out
    document = qx("explain", code.removeprefix("QX-"), "-o", "json").json
    assert (document["schema"], document["code"], document["exit"]) == ("qx.code/1", code, CODES[code].exit)


def test_the_catalogue_lists_all(qx: Qx) -> None:
    assert [entry["code"] for entry in qx("explain", "-o", "json").json["codes"]] == list(CODES)
    assert all(code in qx("explain").out for code in CODES)


def test_the_catalogue_fits_a_terminal(qx: Qx) -> None:
    lines = qx("explain", terminal=True, env={"NO_COLOR": "1"}).out.splitlines()
    assert max(map(len, lines)) <= 80


def test_an_unknown_code_is_met_halfway(qx: Qx) -> None:
    result = qx("explain", "QX-CFG-03", "-o", "json")
    assert result.exit == 2
    assert "QX-CFG-003" in result.json["error"]["hint"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_parse(qx: Qx, shell: str) -> None:
    script = qx("completion", shell).out
    assert "_QX_COMPLETE=1 qx" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_tab(qx: Qx) -> None:
    def tab(*words: str) -> list[str]:
        return [line.split("\t")[0] for line in qx(*words, env={"_QX_COMPLETE": "1"}).out.splitlines()]

    assert "explain" in tab("")
    assert tab("exp") == ["explain"]
    assert tab("-o", "json", "exp") == ["explain"]
    assert "--output" in tab("--")
    assert "--output" in tab("explain", "--out")
    assert tab("completion", "") == ["bash", "zsh", "fish"]
    assert tab("explain", "-o", "n") == ["ndjson"]


def test_bash_completes_through_its_script(qx: Qx) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    script = qx("completion", "bash").out
    beside_python = f'PATH="{Path(sys.executable).parent}:$PATH"\n'
    asked = beside_python + script + '\nCOMP_WORDS=(qx expl); COMP_CWORD=1; _qx_completion; echo "${COMPREPLY[@]}"'
    told = subprocess.run(["bash", "-c", asked], text=True, capture_output=True, check=True)
    assert told.stdout.strip() == "explain"
