"""Programs beside the server: run to their end under a deadline, or launched to outlive us.

Invariants: no shell interprets a word of ours; a program leads its own process group and is ended with all of
it when its time is up; the environment is a short list, so that no secret of ours reaches it; a launched
server is nobody's child of ours, so that no zombie of ours remains.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from qx.adapters.node import files, processes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO

    from qx.adapters.node.deadline import Deadline
    from qx.adapters.node.lock import Turn

_ACCOUNT = ("PATH", "HOME", "USER", "LOGNAME", "LD_LIBRARY_PATH", "TMPDIR")
_SESSION = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # `systemctl --user` needs them
_LOCALE = ("LANG", "LANGUAGE", "TZ")
_LOOK_S = 0.2
_DETACHED = '"$@" >&2 & echo $!'  # the whole of what /bin/sh is asked to do: start its arguments, tell the pid, end
_ONCE_NAMED = 'read -r _ && exec "$@"'  # starts its arguments at the first line of its input, or ends with the input


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    def last_words(self, lines: int = 5) -> str:
        """The end of what it said, for an error's message."""
        return tail(self.err.strip() or self.out.strip(), lines)


def tail(text: str, lines: int) -> str:
    return "\n".join(text.strip().splitlines()[-lines:]) or "(it said nothing)"


def run(argv: Sequence[str], deadline: Deadline, turn: Turn | None = None) -> Ended:
    """Raises TimeoutError when the deadline passed (its whole group is ended), OSError when it cannot be run."""
    with running(argv, deadline, turn) as child:
        while True:
            try:
                out, err = child.communicate(timeout=min(_LOOK_S, deadline.left))
                return Ended(child.returncode, _text(out), _text(err))
            except subprocess.TimeoutExpired:
                if deadline.passed:
                    raise TimeoutError(f"{argv[0]} did not end in {deadline.spent:.1f} s") from None


@contextlib.contextmanager
def running(
    argv: Sequence[str], deadline: Deadline, turn: Turn | None = None, errors: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program with pipes, in its own process group; when the context ends, so has the group. `errors`: its stderr.

    For a turn it runs only once it is named there: who is stopped or killed before that leaves no program behind.
    """
    if deadline.passed:
        raise TimeoutError(f"no time is left for {argv[0]}")
    pipe = subprocess.PIPE
    if turn is not None and shutil.which(argv[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
    with subprocess.Popen(
        argv if turn is None else ["/bin/sh", "-c", _ONCE_NAMED, "sh", *argv],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe if errors is None else errors,
        env=_environment(plain=True),
        cwd="/",
        start_new_session=True,
    ) as child:
        try:
            if turn is not None and child.stdin is not None:
                turn.runs(processes.identify(child.pid))
                child.stdin.write(b"\n")
                child.stdin.flush()
            yield child
        finally:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
            if turn is not None:
                turn.runs(None)


def launch(
    argv: Sequence[str], log: Path, like: Path, passed: Mapping[str, str] | None = None
) -> processes.Pid | None:
    """Starts a server that outlives us, its output appended to `log`. None when it has ended by now. `passed`: what its
    environment has beyond the short list.
    """
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(handle).st_size == 0:
            files.own(handle, like)
        told = subprocess.run(
            ["/bin/sh", "-c", _DETACHED, "sh", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=handle,
            env=_environment(plain=False) | dict(passed or {}),
            cwd="/",
            start_new_session=True,
            check=True,
        )
    finally:
        os.close(handle)
    return processes.identify(int(told.stdout))


def _environment(*, plain: bool) -> dict[str, str]:
    """`plain`: messages in English and instants in UTC, because we read them."""
    passed = {name: os.environ[name] for name in _ACCOUNT + _SESSION if name in os.environ}
    if plain:
        return {**passed, "LC_ALL": "C", "TZ": "UTC"}
    return passed | {name: value for name, value in os.environ.items() if name in _LOCALE or name.startswith("LC_")}


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
