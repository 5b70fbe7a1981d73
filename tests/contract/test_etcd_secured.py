"""etcd with TLS between all and with users: qx comes in by certificate, user and password, and renews its token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import Struct

from qx.adapters.etcd.gateway import Gateway
from qx.adapters.etcd.health import condition, move_leader
from qx.adapters.etcd.store import EtcdStore
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from tests.fixtures_etcd import Etcd

pytestmark = pytest.mark.fault

PASSWORD = "correct horse"


class Anything(Struct):
    pass


@pytest.fixture(scope="module")
def guarded(etcd_secured: Etcd) -> Etcd:
    """Authentication is on; `qx` may read and write under /qx/ and nowhere else."""
    gateway = Gateway(etcd_secured.at(timeout=30.0))

    def tell(path: str, **message: Any) -> None:
        gateway.ask(f"/v3/auth/{path}", message, Anything, gateway.deadline())

    for user, role in (("root", "root"), ("qx", "qx")):
        tell("role/add", name=role)
        tell("user/add", name=user, password=PASSWORD)
        tell("user/grant", user=user, role=role)
    tell("role/grant", name="qx", perm={"permType": "READWRITE", "key": b"/qx/", "range_end": b"/qx0"})
    tell("enable")
    gateway.shut()
    etcd_secured.secrets |= {"user": "qx", "password": lambda: PASSWORD}
    return etcd_secured


def refused(etcd: Etcd, prefix: str = "/qx", timeout: float = 20.0, **more: Any) -> QxError:
    with pytest.raises(QxError) as error:
        EtcdStore(etcd.at(timeout=timeout, **more), "test", prefix=prefix)
    assert error.value.code == "QX-STORE-005"
    assert PASSWORD not in f"{error.value.message} {error.value.hint}"
    return error.value


def test_the_right_user_comes_in_and_its_token_is_renewed(guarded: Etcd) -> None:
    root = Gateway(guarded.at(timeout=30.0, user="root"))
    with EtcdStore(guarded.at(timeout=20.0), "test") as store:
        (lease,) = store.acquire(("trading",), "run-1", 600.0)
        record = store.put("arming", "trading", {"by": "ada"})
        root.ask("/v3/auth/disable", {}, Anything, root.deadline())  # every token is forgotten
        root.ask("/v3/auth/enable", {}, Anything, root.deadline())
        before = store.gateway.authorization
        store.check(lease)
        assert store.gateway.authorization != before
        assert store.put("arming", "trading", {"by": "bob"}, expect=record.revision).value == {"by": "bob"}
    root.shut()


async def test_changes_and_condition_need_no_more_than_that_user(guarded: Etcd) -> None:
    with EtcdStore(guarded.at(timeout=20.0), "test") as store:
        put = store.put("arming", "trading", {"by": "ada"})
        feed = store.changes(("arming",))
        assert await anext(feed) == put
        put = store.put("arming", "trading", {"by": "bob"})
        assert await anext(feed) == put
        await feed.aclose()
        found = condition(store.gateway)
        assert found.leader is not None
        assert not any(each.error for each in found.asked)
        assert move_leader(store.gateway, found.members[found.leader.id])


def test_others_are_refused_in_words(guarded: Etcd) -> None:
    assert "user" in refused(guarded, password=lambda: "wrong").hint
    assert "user" in refused(guarded, user="", password=lambda: "").hint
    assert "role" in refused(guarded, prefix="/elsewhere").hint


def test_a_certificate_with_a_name_is_refused_in_words(guarded: Etcd) -> None:
    home = Path(guarded.secrets["cert"]).parent
    error = refused(guarded, cert=str(home / "etcd.pem"), key=str(home / "etcd.key"))
    assert "CommonName" in error.hint


def test_certificates_are_verified_both_ways(guarded: Etcd, tmp_path: Path) -> None:
    assert "not trusted" in refused(guarded, ca="", timeout=1.0).message
    refused(guarded, cert="", key="", timeout=1.0)
    missing = str(tmp_path / "none.pem")
    assert missing in refused(guarded, ca=missing).message
