"""Where the record of a region's validations is kept: what may stand there."""

from __future__ import annotations

import pytest

from tests.unit.config.base import errors_of, platform_of

FILE = """\
version: 1
platform: demo
clusters: {{}}
regions:
  bahrain: {{title: Bahrain, jurisdictions: [BH], evidence: {{{}}}}}
"""


def test_it_is_a_postgresql_with_a_short_patience() -> None:
    said = "url: 'postgresql://qx@db:5432/record', password: env:PASSWORD"
    at = platform_of(FILE.format(said)).regions["bahrain"].evidence
    assert at is not None
    assert (at.url, at.password, at.timeout) == ("postgresql://qx@db:5432/record", "env:PASSWORD", 1.0)


@pytest.mark.parametrize(("said", "word"), [
    ("url: 'redis://db:6379/0'", "postgresql"), ("url: 'postgresql://qx:secret@db/record'", "password"),
    ("url: 'postgresql://db/record', password: secret", "reference"),
    ("url: 'postgresql://db/record', timeout: 0s", "timeout"), ("password: env:X", "evidence.url: is missing"),
])  # fmt: skip
def test_what_cannot_be_is_refused(said: str, word: str) -> None:
    (error, *_) = errors_of(FILE.format(said))
    assert word in f"{error.message} {error.hint}"
    assert "secret@" not in error.message
