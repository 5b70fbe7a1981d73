"""Whether the node lets a server start, by its memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from qx.adapters.guard.admission import Admission, NotAdmitted
from qx.adapters.node.lock import Memory


def refused(path: Path, role: str = "writer", **memory: Any) -> str:
    path.write_bytes(msgspec.json.encode(Memory(**memory)))
    with pytest.raises(NotAdmitted) as caught:
        Admission(path, 5, role).check()
    return str(caught.value)


def test_what_is_let_in(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    Admission(path, 5, "writer").check()
    for role, held in (("writer", ""), ("replica", ""), ("replica", "standby")):
        path.write_bytes(msgspec.json.encode(Memory(epoch=5, held_for=held)))  # type: ignore[arg-type]
        Admission(path, 5, role).check()


def test_what_is_not(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    assert "has seen 6" in refused(path, epoch=6)
    assert "held for standby" in refused(path, epoch=5, held_for="standby")
    assert "held for stop" in refused(path, "replica", epoch=5, held_for="stop")
    assert "clone has begun" in refused(path, "replica", epoch=5, incomplete="clone")
    path.write_text("{}")
    with pytest.raises(NotAdmitted, match="cannot be read"):
        Admission(path, 5, "replica").check()
