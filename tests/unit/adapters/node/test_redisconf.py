"""A Redis configuration file, read and rewritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from qx.adapters.node.redisconf import RedisConf
from qx.kernel.errors import QxError


def conf(tmp_path: Path, text: str) -> RedisConf:
    file = tmp_path / "redis.conf"
    file.write_text(text)
    return RedisConf(file)


@pytest.mark.parametrize(
    ("text", "upstream"),
    [
        ("port 1\n", ""),
        ("replicaof 10.0.0.1 6379\n", "10.0.0.1:6379"),
        ('SLAVEOF "db.example" 6379\n', "db.example:6379"),
        ("# replicaof 10.0.0.1 6379\n", ""),
        ("replicaof old 1\nreplicaof new 2\n", "new:2"),
        ("replicaof old 1\nreplicaof no one\n", ""),
        ("replicaof ::1 6379\n", "::1:6379"),
    ],
)
def test_its_upstream(text: str, upstream: str, tmp_path: Path) -> None:
    assert conf(tmp_path, text).replicaof == upstream


@pytest.mark.parametrize(
    ("text", "persists"),
    [
        ("port 1\n", True),
        ('save ""\n', False),
        ('save ""\nappendonly yes\n', True),
        ("save 3600 1 300 100\nappendonly no\n", True),
        ('save ""\nsave 60 1\n', True),
        ('save 60 1\nsave ""\n', False),
    ],
)
def test_whether_a_plain_shutdown_keeps_the_data(text: str, persists: bool, tmp_path: Path) -> None:
    assert conf(tmp_path, text).persists is persists


def test_an_ipv6_upstream_is_written_as_it_was_read(tmp_path: Path) -> None:
    config = conf(tmp_path, "port 1\n")
    config.follow("fe80::1:6379")
    assert config.path.read_text() == "port 1\nreplicaof fe80::1 6379\n"
    assert RedisConf(config.path).replicaof == "fe80::1:6379"


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    config = conf(tmp_path, "  ReplicaOf a 1  # odd\n")
    before = config.path.stat().st_mtime_ns
    config.follow(config.replicaof)
    assert config.path.stat().st_mtime_ns == before


def test_bytes_that_are_no_text_stay(tmp_path: Path) -> None:
    file = tmp_path / "redis.conf"
    file.write_bytes(b"# caf\xe9\nrequirepass \"it's\"\nport 1\n")
    RedisConf(file).follow("a:1")
    assert file.read_bytes() == b"# caf\xe9\nrequirepass \"it's\"\nport 1\nreplicaof a 1\n"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(QxError, match="cannot be read"):
        RedisConf(tmp_path / "none")
