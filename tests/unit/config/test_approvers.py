"""Approvers and rules of N of M in regions.yaml: what is valid, and exactly what is said about each mistake."""

from __future__ import annotations

import pytest

from qx.kernel.publickey import fingerprint, parse_public_key
from tests.unit.config.base import BASE, errors_of, platform_of

LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHcFY4YDZTGBF+CzoZ42Imrt5fITkgJoC1CeNXZyPvWp ops@example"
RAW = "dwVjhgNlMYEX4LOhnjYiau3l8hOSAmgLUJ41dnI+9ak="
OTHER = "OXoKyxVtbYzkgjmDYGNWWVtUAWaZWdzPQzGxNbGOUU8="


def file(approvers: str = "", rule: str = "", defaults: str = "", mode: str = "confirm") -> str:
    """The valid document with approvers, trading's rule, and that of the defaults."""
    text = BASE.replace("    mode: confirm\n", f"    mode: {mode}\n" + (f"    approvals: {rule}\n" if rule else ""))
    text = text.replace("defaults:\n", "defaults:\n" + (f"  approvals: {defaults}\n" if defaults else ""))
    return text + (f"approvers:\n{approvers}" if approvers else "")


TWO = f"  ada: {{key: {LINE}, accounts: [a.lovelace]}}\n  bob: {{key: {OTHER}}}\n"


def test_both_forms_of_a_key_are_one_key() -> None:
    assert parse_public_key(LINE) == parse_public_key(RAW)
    assert len(parse_public_key(LINE)) == 32
    assert fingerprint(parse_public_key(RAW)).startswith("SHA256:")


def test_what_is_valid() -> None:
    told = platform_of(file(TWO, "{required: 2, of: [ada, bob], expire: 5m}", "{required: 1}"))
    rule = told.clusters["trading"].approvals
    assert rule is not None
    assert (rule.required, rule.of, float(rule.expire)) == (2, ("ada", "bob"), 300.0)
    assert told.defaults.approvals.required == 1
    assert told.approvers["ada"].accounts == ("a.lovelace",)


def test_without_any_approver_a_rule_stands_and_its_gate_can_only_refuse() -> None:
    assert errors_of(file(rule="{required: 2}")) == []


@pytest.mark.parametrize(("text", "code", "words", "hint"), [
    (file(TWO, "{required: 3}"), "QX-CFG-008",
     "trading.approvals.required: 3 approvals are required, and 2 approvers may give one", "require fewer"),
    (file(TWO, "{required: 2, of: [ada]}"), "QX-CFG-008", "required: 2 approvals are required, and 1 approver may",
     "require fewer"),
    (file(TWO, defaults="{required: 3}"), "QX-CFG-008", "defaults.approvals.required: 3 approvals", "require fewer"),
    (file(TWO, "{required: 1, of: [ada, bbo]}"), "QX-CFG-006", "of[1]: no approver 'bbo'", "did you mean 'bob'?"),
    (file("", "{required: 1, of: [ada]}"), "QX-CFG-006", "no approver 'ada'", "describe it: approvers.ada.key"),
    (file(TWO, "{required: 1, of: [ada, ada]}"), "QX-CFG-008", "'ada' stands here twice", "remove one"),
    (file(TWO, "{required: -1}"), "QX-CFG-004", "-1 is below zero", "0 requires none"),
    (file(TWO, "{required: 1, expire: 0s}"), "QX-CFG-004", "must be longer than 0 s", ""),
    (file(f"  ada: {{key: {LINE}}}\n  eve: {{key: {RAW}}}\n"), "QX-CFG-008",
     "approvers.eve.key: is the key of approvers.ada.key too: one person would count twice", "a key of their own"),
    (file() + f"submitters:\n  legal: {{key: {LINE}}}\n  feed: {{key: {RAW}}}\n", "QX-CFG-008",
     "submitters.feed.key: is the key of submitters.legal.key too", "each has a key of their own"),
    (file() + "submitters:\n  legal: {key: Zm9v}\n", "QX-CFG-004", "legal.key: is not an Ed25519", "ssh-keygen"),
    (file("  ada: {key: ssh-rsa AAAA}\n"), "QX-CFG-004", "ada.key: is a key of the kind ssh-rsa", "ssh-keygen"),
    (file("  ada: {key: ssh-ed25519 AAAA}\n"), "QX-CFG-004", "is not a whole ssh-ed25519 key", "ssh-keygen"),
    (file("  ada: {key: ssh-ed25519}\n"), "QX-CFG-004", "is not a whole ssh-ed25519 key", "ssh-keygen"),
    (file("  ada: {key: Zm9v}\n"), "QX-CFG-004", "is not an Ed25519 public key", "ssh-keygen"),
    (file('  ada: {key: "-----BEGIN OPENSSH PRIVATE KEY-----"}\n'), "QX-CFG-004", "is a private key", "ssh-keygen"),
    (file(f"  ada: {{key: {RAW}, accounts: [ada@host]}}\n"), "QX-CFG-004", "[0]: is not the name of an account", ""),
    (file(f"  'Ada L': {{key: {RAW}}}\n"), "QX-CFG-004", "is not a name that qx can use", ""),
    (file(TWO, "{required: 1}", mode="auto"), "QX-CFG-008",
     "clusters.trading.mode: auto moves it unasked, and 1 approval of each move is required", "mode: confirm"),
    (file(TWO, defaults="{required: 1}", mode="auto"), "QX-CFG-008", "clusters.trading.mode: auto moves it unasked",
     "{required: 0}"),
])  # fmt: skip
def test_what_is_not(text: str, code: str, words: str, hint: str) -> None:
    [error] = [each for each in errors_of(text) if each.code == code and words in each.message]
    assert hint in error.hint
    assert error.place is not None
    assert error.place.line > 1


def test_it_names_the_line_and_column() -> None:
    text = file(TWO, "{required: 3}")
    [error] = errors_of(text)
    assert error.place is not None
    line = text.splitlines()[error.place.line - 1]
    assert line == "    approvals: {required: 3}"
    assert line[error.place.column - 1 :].startswith("3")
