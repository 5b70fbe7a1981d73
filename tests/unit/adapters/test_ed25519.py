"""Key files of every form that people have: opened, or refused in words that show nothing of them."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from qx.adapters.ed25519 import open_key, signed_by
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit
from qx.kernel.publickey import fingerprint, parse_public_key

if TYPE_CHECKING:
    from pathlib import Path

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WORD = "correct horse"
LOCKED = BestAvailableEncryption(WORD.encode())
FORMS = {"openssh": PrivateFormat.OpenSSH, "pkcs8": PrivateFormat.PKCS8}


def kept(path: Path, form: str, lock: KeySerializationEncryption | None = None, mode: int = 0o600) -> Path:
    path.write_bytes(KEY.private_bytes(Encoding.PEM, FORMS[form], lock or NoEncryption()))
    path.chmod(mode)
    return path


def nobody() -> str:
    return ""


def refusal(path: Path, word: str = "") -> QxError:
    with pytest.raises(QxError) as caught:
        open_key(path, lambda: word)
    assert caught.value.entry.exit is Exit.AUTH
    assert not word or word not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("form", FORMS)
def test_it_signs_and_is_verified(tmp_path: Path, form: str) -> None:
    signer = open_key(kept(tmp_path / "key", form), nobody)
    signature = signer.sign(b"yes")
    assert signed_by(signer.public, b"yes", signature)
    assert not signed_by(signer.public, b"no", signature)
    assert not signed_by(signer.public, b"yes", "")
    assert not signed_by(signer.public, b"yes", "%%%")
    assert not signed_by(bytes(31), b"yes", signature)
    line = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    assert parse_public_key(line) == signer.public


@pytest.mark.parametrize("form", FORMS)
def test_a_passphrase_is_asked_for_only_where_it_is_wanted(tmp_path: Path, form: str) -> None:
    path = kept(tmp_path / "key", form, LOCKED)
    assert open_key(path, lambda: WORD).public == KEY.public_key().public_bytes_raw()
    assert "passphrase is wrong" in refusal(path, "battery staple").message
    assert "wants a passphrase" in refusal(path).message

    def asked() -> str:
        raise AssertionError("asked")

    open_key(kept(tmp_path / "open", form), asked)


def test_what_is_no_such_key(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    (tmp_path / "text").chmod(0o600)
    assert "is no private key" in refusal(tmp_path / "text").message
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "other").write_bytes(other)
    (tmp_path / "other").chmod(0o600)
    assert "is not an Ed25519 key" in refusal(tmp_path / "other").message
    assert refusal(tmp_path / "missing").code == "QX-SEC-003"
    assert "not a regular file" in refusal(tmp_path).message
    assert refusal(kept(tmp_path / "shown", "pkcs8", mode=0o640)).code == "QX-SEC-002"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here")
def test_what_ssh_keygen_makes(tmp_path: Path) -> None:
    for name, word in (("plain", ""), ("locked", WORD)):
        path = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", word, "-f", path], check=True)
        signer = open_key(path, lambda word=word: word)  # type: ignore[misc]
        public = parse_public_key(path.with_suffix(".pub").read_text())
        assert public == signer.public
        told = subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True).stdout
        assert fingerprint(public) in told


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
def test_what_openssl_makes(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
    path.chmod(0o600)
    assert open_key(path, nobody).sign(b"x")
