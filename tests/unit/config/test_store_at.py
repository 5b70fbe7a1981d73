"""Where the store is: a file or etcd, and what each of them wants."""

from __future__ import annotations

import pytest

from qx.kernel.spans import Seconds
from tests.unit.config.base import BASE, errors_of, platform_of

ETCD = "endpoints: ['https://etcd1:2379', 'https://etcd2:2379']"


def with_store(text: str) -> str:
    kept = [line for line in BASE.splitlines() if not line.startswith("store:")]
    return "\n".join(kept) + f"\nstore: {text}\n"


def test_etcd_has_a_prefix_and_a_short_timeout_of_its_own() -> None:
    etcd = platform_of(with_store(f"{{etcd: {{{ETCD}, user: qx, password: env:ETCD, timeout: 500ms}}}}")).store.etcd
    assert etcd is not None
    assert (etcd.prefix, etcd.timeout, etcd.endpoints[1]) == ("/qx", Seconds(0.5), "https://etcd2:2379")


@pytest.mark.parametrize(("store", "code", "said"), [
    (f"{{path: /var/lib/qx.db, etcd: {{{ETCD}}}}}", "QX-CFG-008", "store.etcd: the store is a file or in etcd"),
    (f"{{etcd: {{{ETCD}, user: qx}}}}", "QX-CFG-008", "store.etcd.user: says nothing without password"),
    (f"{{etcd: {{{ETCD}, password: env:E}}}}", "QX-CFG-008", "store.etcd.password: says nothing without user"),
    (f"{{etcd: {{{ETCD}, cert: a.pem}}}}", "QX-CFG-008", "store.etcd.cert: says nothing without key"),
    ("{etcd: {endpoints: ['http://etcd1:2379'], ca: ca.pem}}", "QX-CFG-008", "http:// has no use for ca"),
    ("{etcd: {endpoints: []}}", "QX-CFG-004", "store.etcd.endpoints: wants at least one"),
    ("{etcd: {endpoints: ['etcd1:2379']}}", "QX-CFG-004", "store.etcd.endpoints[0]"),
    ("{etcd: {endpoints: ['redis://etcd1:2379']}}", "QX-CFG-004", "etcd wants http:// or https://"),
    ("{etcd: {endpoints: ['https://qx:secret@etcd1:2379']}}", "QX-CFG-004", "holds a password"),
    (f"{{etcd: {{{ETCD}, user: qx, password: secret}}}}", "QX-CFG-004", "store.etcd.password: is not a secret"),
    (f"{{etcd: {{{ETCD}, prefix: qx}}}}", "QX-CFG-004", "store.etcd.prefix"),
    (f"{{etcd: {{{ETCD}, timeout: 0s}}}}", "QX-CFG-004", "store.etcd.timeout: must be longer"),
    ("{etcd: {}}", "QX-CFG-005", "store.etcd"),
])  # fmt: skip
def test_what_cannot_be_is_told_with_its_place(store: str, code: str, said: str) -> None:
    (error,) = errors_of(with_store(store))
    assert error.code == code
    assert said in error.message
    assert "secret@" not in error.message
    assert error.place is not None
    assert error.hint
