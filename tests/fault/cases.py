"""Matrices of faults: complete under `make test-all`, a seeded sample of them under `make test`."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence


def sampled(cases: Sequence[tuple[Any, ...]], count: int) -> list[Any]:
    """Parameters of a test: every case, all but `count` of them slow. The cases themselves are the seed."""
    chosen = set(random.Random(repr(cases)).sample(range(len(cases)), count))
    return [
        pytest.param(*case, id="-".join(map(str, case)), marks=() if number in chosen else pytest.mark.slow)
        for number, case in enumerate(cases)
    ]
