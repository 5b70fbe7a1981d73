"""Secret references -> secrets, at the moment of use. Every driver that needs a password asks here, each time.

Invariants: a secret is kept nowhere; no error holds it, nor anything that a program printed; what `cmd:` runs gets no
shell, no stdin, and is ended after TIMEOUT_S with all that it started. A call blocks that long at most.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import time
from importlib import import_module
from typing import IO, TYPE_CHECKING, NoReturn, cast

from qx.config.reference import command, parse_reference
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S = 5.0
MAX_BYTES = 64 << 10


class Secret:
    """Shows itself to who asks by `reveal()`, and in no other way."""

    __slots__ = ("_hidden",)

    def __init__(self, value: str) -> None:
        self._hidden = value

    def reveal(self) -> str:
        return self._hidden

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be copied elsewhere")


def resolve(reference: str, env: Mapping[str, str] = os.environ) -> Secret:
    """The secret behind a reference; '' refers to none and gives the empty secret.

    Raises QX-SEC-001 when there is none to be had, QX-SEC-002 when a file shows it to others.
    """
    if not reference:
        return Secret("")
    try:
        scheme, rest = parse_reference(reference)
    except ValueError as error:
        raise QxError("QX-SEC-001", f"a password {error}", hint="`qx config check` names the place") from error
    if scheme == "env":
        value = env.get(rest, "")
        if not value:
            raise _absent(reference, "the variable is not set", f"export {rest}=...")
        return Secret(value)
    if scheme == "keyring":
        return Secret(_from_keyring(reference, *rest.split("/", 1)))
    data = _from_file(reference, rest) if scheme == "file" else _from_command(reference, command(rest))
    try:
        value = data.decode()
    except UnicodeDecodeError:
        raise _absent(reference, "it is not UTF-8 text", "store the bare password there") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise _absent(reference, "it is empty", "store the bare password there")
    return Secret(value)


def _absent(reference: str, why: str, hint: str) -> QxError:
    return QxError("QX-SEC-001", f"{reference}: {why}", hint=hint)


def _from_file(reference: str, path: str) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # so that a FIFO cannot hold us
    except OSError as error:
        raise _absent(reference, error.strerror or "it cannot be opened", "check the path and its rights") from error
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise _absent(reference, "it is not a regular file", "store the bare password in a file")
        mode = stat.S_IMODE(status.st_mode)
        if mode & 0o077 and not (status.st_uid == 0 and not mode & 0o037):  # root may let a group read
            message = f"{reference}: others than its owner can reach it (mode {mode:04o})"
            raise QxError("QX-SEC-002", message, hint=f"chmod 600 {path} (0440 where root owns it)")
        data = os.read(file, MAX_BYTES + 1)
    finally:
        os.close(file)
    if len(data) > MAX_BYTES:
        raise _absent(reference, f"it is longer than {MAX_BYTES} bytes", "store the bare password there")
    return data


def _from_command(reference: str, argv: list[str]) -> bytes:
    by_hand = f"run it by hand to see why: {reference.removeprefix('cmd:')}"
    deadline = time.monotonic() + TIMEOUT_S
    try:
        child = subprocess.Popen(  # a session of its own: what it starts can be ended with it
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise _absent(reference, error.strerror or "it cannot be started", by_hand) from error
    try:
        data = _output(child, deadline)
        code = child.wait(max(0.0, deadline - time.monotonic()))
    except (TimeoutError, subprocess.TimeoutExpired):
        _end(child)
        raise _absent(reference, f"no end within {TIMEOUT_S:.0f} s", by_hand) from None
    except OverflowError:
        _end(child)
        raise _absent(reference, f"it prints more than {MAX_BYTES} bytes", "print the bare password") from None
    except BaseException:  # Ctrl-C
        _end(child)
        raise
    if code:
        raise _absent(reference, f"it ended with {code}", by_hand)
    return data


def _output(child: subprocess.Popen[bytes], deadline: float) -> bytes:
    """All that it prints. Raises TimeoutError, or OverflowError past MAX_BYTES."""
    pipe = cast("IO[bytes]", child.stdout)
    ready, data = select.poll(), b""
    ready.register(pipe, select.POLLIN)
    with pipe:
        while ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
            part = os.read(pipe.fileno(), 4096)
            if not part:
                return data
            data += part
            if len(data) > MAX_BYTES:
                raise OverflowError
    raise TimeoutError


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except PermissionError:  # it runs as another user (sudo); its pipe is closed, it has to end by itself
        return
    child.wait()


def _from_keyring(reference: str, service: str, user: str) -> str:
    try:
        keyring = import_module("keyring")
        errors = import_module("keyring.errors")
    except ImportError as error:
        raise _absent(reference, "the keyring library is not installed", "pip install keyring") from error
    try:
        value = keyring.get_password(service, user)
    except errors.KeyringError as error:
        raise _absent(reference, f"the keyring refused ({type(error).__name__})", "unlock it, or use file:") from error
    if not value:
        raise _absent(reference, "no such entry", f"keyring set {service} {user}")
    return str(value)
