"""What `pip install qx` gives to somebody who has nothing else: the wheel, in an empty environment."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from qx import __version__

ROOT = Path(__file__).parents[2]

IMPORT_ALL = """
import importlib, pkgutil, qx
names = [m.name for m in pkgutil.walk_packages(qx.__path__, "qx.") if not m.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def ran(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, cwd="/")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    built = ran(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT)
    assert built.returncode == 0, built.stderr
    (found,) = out.glob("qx-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the wheel and what the wheel asks for, and nothing else."""
    bin_ = tmp_path_factory.mktemp("empty") / "venv" / "bin"
    made = ran(sys.executable, "-m", "venv", bin_.parent)
    assert made.returncode == 0, made.stderr
    pip = (bin_ / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    reachable = ran(*pip, "--no-deps", "--target", bin_.parent / "probe", "annotated-doc")
    if reachable.returncode:
        pytest.skip(f"no package index can be reached: {reachable.stderr.strip().splitlines()[-1]}")
    done = ran(*pip, wheel)
    assert done.returncode == 0, done.stderr
    return bin_


def test_the_wheel_holds_the_package_and_its_licence_only(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"qx", f"qx-{__version__}.dist-info"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "qx/py.typed" in names


def test_it_runs(installed: Path) -> None:
    assert ran(installed / "qx", "--version").stdout == f"qx {__version__}\n"
    assert "configuration file" in ran(installed / "qx", "explain", "QX-CFG-001").stdout
    assert ran(installed / "python", "-m", "qx", "--help").returncode == 0


def test_every_module_imports_without_extras_and_without_development_tools(installed: Path) -> None:
    told = ran(installed / "python", "-c", IMPORT_ALL)
    assert told.returncode == 0, told.stderr
    assert int(told.stdout) > 20
