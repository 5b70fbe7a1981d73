"""The lab as its state file tells it: what was started, where, by which programs. One lab per state directory.

Invariants: the file is replaced, never half written; the directory is marked before anything else is put there, so
that nothing foreign is ever removed; one command at a time changes a lab (a lock on its directory).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from qx.adapters.node.processes import Pid, alive
from qx.kernel.errors import QxError
from qx.lab.layout import Layout
from qx.lab.privileges import Ground

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STATE = "lab.json"
FRESH_STATE = "lab.json.new"
MARK = "THIS-IS-A-QX-LAB"
CONFIG = "regions.yaml"
CONTROLLERS = "controllers"
FABRIC_SOCKET = "fabric.sock"
FABRIC_SPEC = "fabric.json"
LOCK_S = 15.0  # another command that starts or ends the lab takes no longer
POLL_S = 0.02
NETWORK = "fabric"  # its name among the processes


class Lab(Struct, frozen=True, kw_only=True, tag_field="schema", tag="qx.lab-state/1"):
    """`processes`: those that are no database servers, by name: 'fabric', 'endpoint/REGION', 'etcd/REGION',
    'controller/REGION'.
    """

    directory: Path
    ready: bool
    ground: Ground
    redis_server: Path
    layout: Layout
    processes: dict[str, Pid]
    stricken: tuple[str, ...] = ()  # 'CLUSTER/REGION' of servers that a fault may have brought down
    guards: bool = False  # its servers run under guards
    durability: Literal["async", "quorum"] = "async"  # of PostgreSQL clusters with two standbys or more
    etcd: Path | None = None  # the program of its members; None: it has none, and no controllers
    disk_bytes: int | None = None  # each node has a disk of that size; None: they share the machine's

    @property
    def fabric_socket(self) -> Path:
        return self.directory / FABRIC_SOCKET

    @property
    def config(self) -> Path:
        return self.directory / CONFIG

    def config_of(self, region: str) -> Path:
        """The regions.yaml of that region's controller: the same platform, as it is reached from there."""
        return self.directory / CONTROLLERS / f"{region}.yaml"

    @property
    def runs(self) -> bool:
        """Whether it came up and its network still stands; servers may be down on purpose."""
        return self.ready and NETWORK in self.processes and alive(self.processes[NETWORK])


def default_directory(env: Mapping[str, str]) -> Path:
    """$XDG_STATE_HOME/qx/lab, else ~/.local/state/qx/lab."""
    stated = Path(env.get("XDG_STATE_HOME", ""))
    base = stated if stated.is_absolute() else Path(env.get("HOME") or Path.home()) / ".local" / "state"
    return base / "qx" / "lab"


def spare_directory(directory: Path) -> Path:
    """Where a lab keeps what an unprivileged account could not reach in `directory`. Seldom there."""
    return Path(tempfile.gettempdir(), f"qx-lab-{hashlib.sha256(bytes(directory)).hexdigest()[:12]}")


def load(directory: Path) -> Lab | None:
    """The lab of that directory, running or crashed; None when there is none. Raises QX-LAB-007 for a foreign file."""
    directory = directory.resolve()  # as the kernel tells where a process works
    try:
        data = (directory / STATE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return msgspec.json.decode(data, type=Lab, dec_hook=_decode_path)
    except msgspec.DecodeError as error:
        raise QxError(
            "QX-LAB-007",
            f"{directory / STATE} is not the state of a lab of this version: {error}",
            hint="`qx lab down` ends and removes it, whatever it is",
        ) from error


def running(directory: Path) -> Lab:
    """The lab that runs there. Raises QX-LAB-003."""
    lab = load(directory)
    if lab is None or not lab.runs:
        crashed = "the lab in {} has crashed" if lab else "no lab runs in {}"
        raise QxError("QX-LAB-003", crashed.format(directory), hint="`qx lab up` starts one and cleans up first")
    return lab


def save(lab: Lab) -> None:
    fresh = lab.directory / FRESH_STATE
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(lab, enc_hook=str)))
    fresh.replace(lab.directory / STATE)


@contextmanager
def locked(directory: Path) -> Iterator[bool]:
    """Alone with the lab of `directory`, which is made. Yields whether there was one, running or crashed.

    Waits for a command that is at work there, at most LOCK_S.

    Raises QX-LAB-002 when another command is at work there, QX-LAB-007 when it holds something that is no lab.
    """
    while True:
        handle = _opened(directory)
        try:
            _lock(handle, directory)
            if _still(handle, directory):
                yield _mark(directory)
                return
        finally:
            os.close(handle)


def _opened(directory: Path) -> int:
    """Made if it is not there. Whoever removes it in between is only a moment ahead."""
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            return os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        except (FileExistsError, FileNotFoundError):
            if directory.exists() or time.monotonic() > deadline:
                raise


def _lock(handle: int, directory: Path) -> None:
    deadline = time.monotonic() + LOCK_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise QxError(
                    "QX-LAB-002",
                    f"another `qx lab` command is at work in {directory}",
                    hint="wait until it has ended",
                ) from None
        time.sleep(POLL_S)


def _still(handle: int, directory: Path) -> bool:
    """Whether the directory locked is the one that stands there: the one before may have been removed meanwhile."""
    try:
        return os.path.samestat(os.fstat(handle), directory.stat())
    except FileNotFoundError:
        return False


def _mark(directory: Path) -> bool:
    """Whether the directory was a lab's; an empty one becomes one."""
    if (directory / MARK).exists():
        return True
    if any(directory.iterdir()):
        raise QxError(
            "QX-LAB-007",
            f"{directory} holds something that is no lab",
            hint="name an empty or a new directory with --dir",
        )
    (directory / MARK).write_text("`qx lab down` removes this directory and everything in it.\n")
    return False


def _decode_path(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(kind)
