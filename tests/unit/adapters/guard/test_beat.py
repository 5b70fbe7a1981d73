"""What systemd hears of a guard, at chosen instants."""

from __future__ import annotations

import os
import socket

from qx.adapters.guard.beat import Beat
from qx.adapters.systemd import Supervisor


def test_it_tells_twice_within_the_watchdogs_time() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0qx-beat-{os.getpid()}")
        systemd.setblocking(False)
        beat = Beat(Supervisor({"NOTIFY_SOCKET": f"@qx-beat-{os.getpid()}"}), 3.0)
        beat.begin("guards redis")
        assert systemd.recv(99) == b"READY=1\nSTATUS=guards redis"
        assert [beat.look(at) for at in (10.0, 10.5, 11.4, 11.5, 13.5)] == [1.5, 1.0, 10.0 + 1.5 - 11.4, 1.5, 1.5]
        heard = 0
        while True:
            try:
                assert systemd.recv(99) == b"WATCHDOG=1"
            except BlockingIOError:
                break
            heard += 1
        assert heard == 3


def test_without_a_watchdog_it_never_wakes_anybody() -> None:
    assert Beat(Supervisor({}), 0.0).look(1e9) is None
