"""As whom PostgreSQL's programs run: it refuses uid 0, so root needs a user namespace or an unprivileged account.

Invariants: what is chosen was tried: under the prefix, the programs ran and the data root took a file. A namespace is
preferred because it reads what root can read (a checkout below a directory of mode 0700); where nothing works in
place, the spare directory gets copies of the programs, and the data.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.lab.binaries import PgBinaries

Means = Literal["namespace", "account"]

ACCOUNTS = ("postgres", "nobody")
_TRIAL = (
    'test "$(id -u)" != 0 && id -un >/dev/null && "$1" --version >/dev/null'
    ' && made=$(mktemp -d "$2/trial.XXXXXX") && rmdir "$made"'
)


class Ground(Struct, frozen=True, kw_only=True):
    """`run_as`: argv prefix of PostgreSQL's programs. `owner` (uid, gid): whom their directories must belong to."""

    run_as: tuple[str, ...]
    bin_dir: Path
    data_root: Path
    owner: tuple[int, int] | None = None

    def directory(self, path: Path) -> Path:
        """`path`, made so that the programs can write there."""
        path.mkdir(parents=True, exist_ok=True)
        self.own(path)
        return path

    def own(self, path: Path) -> None:
        if self.owner is not None:
            os.chown(path, *self.owner)


def ground(pg: PgBinaries, root: Path, spare: Path, means: tuple[Means, ...] = ("namespace", "account")) -> Ground:
    """The ground for data below `root`, or below `spare` where `root` cannot be reached. Both may be created.

    Errors: QX-LAB-005 when no means works.
    """
    root.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        return Ground(run_as=(), bin_dir=pg.bin_dir, data_root=root)
    for prefix, owner in _prefixes(means):
        if _works(prefix, owner, pg.bin_dir, root):
            return Ground(run_as=prefix, bin_dir=pg.bin_dir, data_root=root, owner=owner)
    _copy(pg, spare)
    bin_dir, data = spare / pg.bin_dir.relative_to(pg.base), spare / "regions"
    data.mkdir()
    for prefix, owner in _prefixes(means):
        if _works(prefix, owner, bin_dir, data):
            return Ground(run_as=prefix, bin_dir=bin_dir, data_root=data, owner=owner)
    shutil.rmtree(spare)
    raise QxError(
        "QX-LAB-005",
        f"PostgreSQL refuses to run as root, and neither a user namespace nor an account of {ACCOUNTS} works here",
        hint="run qx as an unprivileged user, or allow user namespaces (sysctl user.max_user_namespaces)",
    )


def _prefixes(ways: tuple[Means, ...]) -> Iterator[tuple[tuple[str, ...], tuple[int, int] | None]]:
    names = (os.environ.get("SUDO_USER", ""), *ACCOUNTS)
    entries = [entry for entry in map(_account, names) if entry is not None]
    if "namespace" in ways and shutil.which("unshare"):
        for entry in entries[:1]:  # a number inside the namespace; it must only have a name
            yield ("unshare", "--user", f"--map-user={entry.pw_uid}", f"--map-group={entry.pw_gid}"), None
    if "account" in ways and shutil.which("setpriv"):
        for entry in entries:
            prefix = ("setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups")
            yield prefix, (entry.pw_uid, entry.pw_gid)


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return entry if entry.pw_uid != 0 else None


def _works(prefix: tuple[str, ...], owner: tuple[int, int] | None, bin_dir: Path, data_root: Path) -> bool:
    """Through a shell, so that the programs start as their children will: with no right left over from root."""
    os.chown(data_root, *(owner or (os.geteuid(), os.getegid())))
    argv = [*prefix, "/bin/sh", "-c", _TRIAL, "sh", str(bin_dir / "postgres"), str(data_root)]
    return subprocess.run(argv, capture_output=True, cwd="/", timeout=30, check=False).returncode == 0


def _copy(pg: PgBinaries, spare: Path) -> None:
    """`spare` must not exist: a directory of that name that somebody else made is no place for programs."""
    spare.mkdir(mode=0o755, parents=True)
    for tree in pg.trees:
        shutil.copytree(tree, spare / tree.relative_to(pg.base), symlinks=True)
