"""What systemd is told (sd_notify): READY=1, WATCHDOG=1, RELOADING=1, STOPPING=1, STATUS=...; nothing without it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Supervisor:
    """`env`: NOTIFY_SOCKET names the socket, abstract ones begin with @. A message that cannot be sent is dropped:
    systemd then acts as on any silence, which is what the watchdog is for.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        address = env.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def tell(self, *words: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)
            try:
                out.sendto("\n".join(words).encode(), self._address)
            except OSError:
                return
