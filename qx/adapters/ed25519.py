"""Ed25519: signing with a person's own key file, and verifying. The only module that knows the cryptography library.

A private key is read for one signature and kept nowhere; no error shows anything of it, nor of its passphrase.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_BYTES = 64 << 10
MAKE = "ssh-keygen -t ed25519 -f FILE makes one"
OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class Signer:
    """A person's private key, in memory for as long as this stands."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public: bytes = key.public_key().public_bytes_raw()  # 32 bytes

    def sign(self, message: bytes) -> str:
        """The signature, in base64."""
        return base64.b64encode(self._key.sign(message)).decode()


def open_key(path: Path, passphrase: Callable[[], str]) -> Signer:
    """An OpenSSH or PEM (PKCS8) file. `passphrase` is called when the key wants one; '' when there is none to be had.

    Raises QX-SEC-003 when it is no such key or the passphrase is wrong, QX-SEC-002 when others can read it.
    """
    data = _read(path)
    try:
        return Signer(_load(path, data, None))
    except _Locked:
        word = passphrase()
    if not word:
        hint = "use a terminal, or export QX_APPROVAL_PASSPHRASE"
        raise QxError("QX-SEC-003", f"{path} wants a passphrase", hint=hint)
    try:
        return Signer(_load(path, data, word.encode()))
    except _Locked as error:
        raise QxError("QX-SEC-003", f"{path}: the passphrase is wrong") from error


class _Locked(Exception):
    """Encrypted, and not opened by what was given."""


def _load(path: Path, data: bytes, password: bytes | None) -> Ed25519PrivateKey:
    load = load_ssh_private_key if data.lstrip().startswith(OPENSSH) else load_pem_private_key
    try:
        key = load(data, password)
    except TypeError as error:  # a passphrase is wanted, or was given for nothing
        raise _Locked from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if password is not None:
            raise _Locked from error
        raise QxError("QX-SEC-003", f"{path} is no private key in OpenSSH or PEM form", hint=MAKE) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise QxError("QX-SEC-003", f"{path} is not an Ed25519 key", hint=MAKE)
    return key


def _read(path: Path) -> bytes:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # so that a FIFO cannot hold us
    except OSError as error:
        raise QxError("QX-SEC-003", f"{path}: {error.strerror}", hint=MAKE) from error
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise QxError("QX-SEC-003", f"{path} is not a regular file", hint=MAKE)
        if status.st_mode & 0o077:
            mode = stat.S_IMODE(status.st_mode)
            raise QxError("QX-SEC-002", f"{path}: others than its owner can reach it (mode {mode:04o})",
                          hint=f"chmod 600 {path}")  # fmt: skip
        return os.read(file, MAX_BYTES)
    finally:
        os.close(file)


def signed_by(key: bytes, message: bytes, signature: str) -> bool:
    """Whether `signature` (base64) is that of `message` by the owner of `key` (32 bytes)."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature, validate=True), message)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
