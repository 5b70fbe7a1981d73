"""Where the store stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from qx.app.storage import store_path
from qx.kernel.errors import QxError
from qx.model.platform import Platform, StoreAt

FILE = Path("/etc/qx/regions.yaml")


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
        ("main", "store/x.db", {"HOME": "/h"}, "/etc/qx/store/x.db"),
        ("main", "~other/x.db", {"HOME": "/h"}, "/etc/qx/~other/x.db"),
    ],
)
def test_paths(name: str, stated: str, env: dict[str, str], expected: str) -> None:
    assert store_path(a_platform(name, stated), FILE, env) == Path(expected)


def test_a_relative_file_name_still_makes_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert store_path(a_platform(path="x.db"), Path("regions.yaml"), {}) == tmp_path / "x.db"


@pytest.mark.parametrize("stated", ["~/x.db", ""])
def test_without_a_home_there_is_no_place(stated: str) -> None:
    with pytest.raises(QxError) as error:
        store_path(a_platform(path=stated), FILE, {})
    assert error.value.code == "QX-STORE-005"
    assert error.value.hint
