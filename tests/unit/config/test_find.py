"""Which file is in force: the order, and that a named file is never passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from qx.config.find import Found, find, user_file
from qx.kernel.errors import QxError


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """a.yaml, b.yaml, here/regions.yaml, home/.config/qx/regions.yaml, xdg/qx/regions.yaml"""
    for name in ("a.yaml", "b.yaml", "here/regions.yaml", "home/.config/qx/regions.yaml", "xdg/qx/regions.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_the_order(world: Path) -> None:
    env = {"QX_CONFIG": str(world / "b.yaml"), "HOME": str(world / "home")}
    here, nowhere = world / "here", world / "home"
    assert find(str(world / "a.yaml"), env, here) == Found(world / "a.yaml", "--config")
    assert find(None, env, here) == Found(world / "b.yaml", "QX_CONFIG")
    del env["QX_CONFIG"]
    assert find(None, env, here) == Found(here / "regions.yaml", "current directory")
    assert find(None, env, nowhere) == Found(world / "home/.config/qx/regions.yaml", "user directory")
    env["XDG_CONFIG_HOME"] = str(world / "xdg")
    assert find(None, env, nowhere) == Found(world / "xdg/qx/regions.yaml", "user directory")


def test_names_are_relative_to_the_current_directory(world: Path) -> None:
    assert find("a.yaml", {}, world).path == world / "a.yaml"
    assert find(None, {"QX_CONFIG": "b.yaml"}, world).path == world / "b.yaml"


def test_an_empty_variable_is_none(world: Path) -> None:
    assert find(None, {"QX_CONFIG": ""}, world / "here").why == "current directory"


@pytest.mark.parametrize(("option", "env", "words"), [
    ("nope.yaml", {}, "--config names"),
    (None, {"QX_CONFIG": "nope.yaml"}, "QX_CONFIG names"),
    ("home", {}, "not a file"),
])  # fmt: skip
def test_a_named_file_that_is_missing_is_an_error(
    world: Path, option: str | None, env: dict[str, str], words: str
) -> None:
    (world / "regions.yaml").touch()
    with pytest.raises(QxError, match=words) as caught:
        find(option, env, world)
    assert caught.value.code == "QX-CFG-001"


def test_no_file_at_all_says_where_it_looked_and_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(QxError) as caught:
        find(None, {"HOME": "/nowhere"}, tmp_path)
    assert caught.value.code == "QX-CFG-001"
    looked = f"{tmp_path}/regions.yaml, /nowhere/.config/qx/regions.yaml"
    assert caught.value.message == f"no regions.yaml: looked for {looked}"
    assert "qx config init" in caught.value.hint
    assert "qx lab up" in caught.value.hint


def test_the_user_directory_of_nobody() -> None:
    assert user_file({}) == ()
    assert user_file({"XDG_CONFIG_HOME": "relative"}) == ()
    assert user_file({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}) == (Path("/h/.config/qx/regions.yaml"),)
