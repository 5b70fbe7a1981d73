"""What is told of members that did not answer."""

from __future__ import annotations

import socket

import pytest

from qx.adapters.etcd.gateway import At, Deadline, Gateway
from qx.kernel.errors import QxError


class Body: ...


def test_what_a_member_said_is_not_replaced_by_its_silence_later() -> None:
    """It refuses connections at first; then something listens there, and says nothing for what is left of the time."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        gateway = Gateway(At((f"http://127.0.0.1:{deaf.getsockname()[1]}",)))
        listens: list[bool] = []

        class Listens(Deadline):
            def share(self, among: int) -> Deadline:
                if len(listens) == 1:
                    deaf.listen()
                listens.append(True)
                return super().share(among)

        try:
            with pytest.raises(QxError) as caught:
                gateway.ask("/v3/kv/range", {}, Body, Listens(0.5))
        finally:
            gateway.shut()
    assert len(listens) > 1
    assert "connection refused" in caught.value.message
