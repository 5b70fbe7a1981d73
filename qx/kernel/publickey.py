"""Ed25519 public keys as people write them: the line of ssh-keygen, or the 32 bytes in base64. Only reads them."""

from __future__ import annotations

import base64
import binascii
import hashlib

NAME = b"ssh-ed25519"
LENGTH = 32
_HEAD = len(NAME).to_bytes(4, "big") + NAME + LENGTH.to_bytes(4, "big")


def parse_public_key(text: str) -> bytes:
    """The 32 bytes. Raises ValueError that says what is wrong, never showing the text: it may be a private key."""
    if "PRIVATE KEY" in text:
        raise ValueError("is a private key: it must stand nowhere but with its owner")
    words = text.split()
    if words[:1] == [NAME.decode()]:
        data = _decoded(words[1] if len(words) > 1 else "")
        if not data.startswith(_HEAD) or len(data) != len(_HEAD) + LENGTH:
            raise ValueError("is not a whole ssh-ed25519 key")
        return data[len(_HEAD) :]
    if words and words[0].startswith(("ssh-", "ecdsa-", "sk-")):
        raise ValueError(f"is a key of the kind {words[0]}, not ssh-ed25519")
    data = _decoded(text.strip())
    if len(data) != LENGTH:
        raise ValueError("is not an Ed25519 public key")
    return data


def fingerprint(key: bytes) -> str:
    """As `ssh-keygen -l` tells it: SHA256:..."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(_HEAD + key).digest()).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("is not an Ed25519 public key") from error
