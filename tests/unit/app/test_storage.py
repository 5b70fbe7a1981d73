"""Where the store stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from qx.app.storage import open_store, state_directory, store_path
from qx.kernel.errors import QxError
from qx.model.platform import Platform, StoreAt


def a_platform(name: str = "main", path: str = "") -> Platform:
    return Platform(version=1, platform=name, regions={}, clusters={}, store=StoreAt(path=path))


@pytest.mark.parametrize(
    ("name", "stated", "env", "expected"),
    [
        ("main", "", {"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/qx/main.db"),
        ("main", "", {"HOME": "/h"}, "/h/.local/state/qx/main.db"),
        ("main", "", {"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/qx/main.db"),
        ("a/../b", "", {"HOME": "/h"}, "/h/.local/state/qx/a%2F..%2Fb.db"),
        ("Zürich 1", "", {"HOME": "/h"}, "/h/.local/state/qx/Z%C3%BCrich 1.db"),
        ("main", "/var/lib/qx/x.db", {}, "/var/lib/qx/x.db"),
        ("main", "~/x.db", {"HOME": "/h"}, "/h/x.db"),
    ],
)
def test_paths(name: str, stated: str, env: dict[str, str], expected: str) -> None:
    assert store_path(a_platform(name, stated), env) == Path(expected)


@pytest.mark.parametrize(
    ("stated", "env"), [("store.db", {"HOME": "/h"}), ("~other/x.db", {"HOME": "/h"}), ("~/x.db", {}), ("", {})]
)
def test_a_path_that_depends_on_where_one_stands_is_refused(stated: str, env: dict[str, str]) -> None:
    with pytest.raises(QxError) as error:
        store_path(a_platform(path=stated), env)
    assert error.value.code == "QX-STORE-005"
    assert error.value.hint


def test_platforms_have_stores_of_their_own(tmp_path: Path) -> None:
    env = {"XDG_STATE_HOME": str(tmp_path)}
    ids = {open_store(a_platform(name), env).store_id for name in ("a-b", "a_b", "a b")}
    assert len(ids) == 3
    assert open_store(a_platform("a-b"), env).store_id in ids
    assert state_directory(env) == tmp_path / "qx"
