"""Greeting: does a server say anything at all to a new connection, asked beside it? One that hangs does not.

Anything counts, a refusal too: only the kernel's own acceptance of the connection does not.
"""

from __future__ import annotations

import socket
import struct

POSTGRESQL = struct.pack("!ii", 8, 80877103)  # SSLRequest: answered with S or N before anything else is asked
REDIS = b"PING\r\n"


def greets(address: str | tuple[str, int], words: bytes, timeout: float) -> bool:
    """`address`: the path of a Unix socket, or host and port. False also when nobody listens."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as link:
        link.settimeout(timeout)
        try:
            link.connect(address)
            link.sendall(words)
            link.recv(1)
        except OSError:  # a timeout is one
            return False
        return True
