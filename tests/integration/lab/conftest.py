"""A lab of three regions, once per module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qx.lab.down import down
from qx.lab.lab import Lab
from qx.lab.up import Wish, up


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    directory = tmp_path_factory.mktemp("lab") / "lab"
    try:
        yield up(directory, Wish(), print)
    finally:
        down(directory)
