"""Where everything that is measured comes from: prepared before the namespaces are entered, which reach no network.

One PostgreSQL for all systems, in a tree of its own: a copy of Debian's, into which repmgr's package is unpacked, or,
where that is not installed, the lab's wheel, then without repmgr. Patroni has a virtual environment. A peer that cannot
be had is missing with its reason; the others are measured nevertheless.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from msgspec import Struct, field

from qx.lab import binaries

PATRONI = "4.1.5"
DEBIAN = Path("/usr/lib/postgresql/15"), Path("/usr/share/postgresql/15")
REPMGR = "postgresql-15-repmgr"


class Programs(Struct, frozen=True, kw_only=True):
    """`missing`: system -> why it cannot be measured. `versions`: for the report."""

    pg_bin: str
    etcd: str
    patroni: str = ""  # the directory of its programs
    missing: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


def prepare(cache: Path) -> Programs:
    """Fetches what is not in `cache` yet. Raises SystemExit when PostgreSQL or etcd is missing."""
    cache.mkdir(parents=True, exist_ok=True)
    etcd = shutil.which("etcd")
    if etcd is None:
        raise SystemExit("bench-failover: etcd is not installed: apt-get install etcd-server")
    missing: dict[str, str] = {}
    pg_bin, why = _postgresql(cache)
    if why:
        missing["repmgr"] = why
    patroni, why = _patroni(cache)
    if why:
        missing["patroni"] = why
    versions = {"postgresql": _says(pg_bin / "postgres", "--version"), "etcd": _says(Path(etcd), "--version")}
    if "repmgr" not in missing:
        versions["repmgr"] = _says(pg_bin / "repmgr", "--version")
    if "patroni" not in missing:
        versions["patroni"] = _says(patroni / "patroni", "--version")
    return Programs(pg_bin=str(pg_bin), etcd=etcd, patroni=str(patroni), missing=missing, versions=versions)


def _postgresql(cache: Path) -> tuple[Path, str]:
    """The programs, and why repmgr is not among them."""
    if not all(path.is_dir() for path in DEBIAN):
        return binaries.postgresql(16).bin_dir, "it is built for Debian's PostgreSQL 15, which is not installed"
    tree = cache / "postgresql"
    programs = tree / "lib/postgresql/15/bin"  # below the same names as in /usr: PostgreSQL finds its files by them
    if not (programs / "postgres").exists():
        for source in DEBIAN:
            shutil.copytree(source, tree / source.relative_to("/usr"), dirs_exist_ok=True)
    if (programs / "repmgrd").exists():
        return programs, ""
    fetched = cache / "repmgr"
    fetched.mkdir(exist_ok=True)
    why = _done("apt-get", "download", REPMGR, cwd=fetched)
    if why:
        return programs, why
    package = next(fetched.glob("*.deb"))
    why = _done("dpkg", "-x", str(package), str(fetched / "files"), cwd=fetched)
    if not why:
        shutil.copytree(fetched / "files/usr/share", tree / "share", dirs_exist_ok=True)
        shutil.copytree(fetched / "files/usr/lib", tree / "lib", dirs_exist_ok=True)
    return programs, why


def _patroni(cache: Path) -> tuple[Path, str]:
    place = cache / f"patroni-{PATRONI}"
    if not (place / "bin/patroni").exists():
        shutil.rmtree(place, ignore_errors=True)
        venv.create(place, with_pip=True)
        wanted = f"patroni[etcd3,psycopg3]=={PATRONI}"
        why = _done(str(place / "bin/python"), "-m", "pip", "install", "-q", wanted, "psycopg[binary]", cwd=cache)
        if why:
            shutil.rmtree(place)
            return place / "bin", why
    return place / "bin", ""


def _done(*argv: str, cwd: Path) -> str:
    """'' or why it failed."""
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    return "" if done.returncode == 0 else f"{' '.join(argv[:3])}: {said}"


def _says(*argv: str | Path) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.splitlines()[0].strip()


def cache_directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 - may be ~
    return Path(base, "qx-bench-failover", f"python{sys.version_info.major}.{sys.version_info.minor}")
