"""References are resolved when asked, refused in words that name the reference, and never shown."""

from __future__ import annotations

import copy
import os
import pickle
import stat
import sys
import time
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from qx.adapters import secrets
from qx.adapters.secrets import MAX_BYTES, Secret, resolve
from qx.kernel.errors import QxError
from qx.kernel.exits import Exit
from tests.fixtures_servers import lives


def refusal(reference: str, env: dict[str, str] | None = None) -> QxError:
    with pytest.raises(QxError) as caught:
        resolve(reference, env or {})
    assert caught.value.entry.exit is Exit.AUTH
    assert caught.value.hint
    return caught.value


def kept(path: Path, text: str = "hunter2\n", mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def python(tmp_path: Path, source: str) -> str:
    """A `cmd:` reference to a Python program."""
    script = tmp_path / "program.py"
    script.write_text(source)
    return f"cmd:{sys.executable} -S -E {script}"


# -- the value itself ------------------------------------------------------------------------------


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret("hunter2")
    assert secret.reveal() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r} {[secret]} {secret!s}"
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, msgspec.to_builtins, msgspec.json.encode):
        with pytest.raises(TypeError):
            leak(secret)


def test_no_reference_is_no_secret() -> None:
    assert resolve("").reveal() == ""


def test_what_is_no_reference_is_not_repeated() -> None:
    error = refusal("hunter2")
    assert error.code == "QX-SEC-001"
    assert "hunter2" not in f"{error} {error.hint}"


# -- env -------------------------------------------------------------------------------------------


def test_env() -> None:
    assert resolve("env:PG", {"PG": " hunter2 "}).reveal() == " hunter2 "
    assert resolve("env:PATH").reveal() == os.environ["PATH"]


@pytest.mark.parametrize("env", [{}, {"PG": ""}])
def test_env_not_set(env: dict[str, str]) -> None:
    error = refusal("env:PG", env)
    assert (error.code, error.message) == ("QX-SEC-001", "env:PG: the variable is not set")


# -- file ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "value"), [
    ("hunter2", "hunter2"), ("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), ("hunter2\n\n", "hunter2\n"),
    (" hünter ", " hünter "),
])  # fmt: skip
def test_file_without_its_last_newline(tmp_path: Path, text: str, value: str) -> None:
    path = tmp_path / "pg"
    path.write_bytes(text.encode())
    path.chmod(0o600)
    assert resolve(f"file:{path}").reveal() == value


def test_file_is_read_each_time(tmp_path: Path) -> None:
    path = kept(tmp_path / "pg")
    assert resolve(f"file:{path}").reveal() == "hunter2"
    path.write_text("hunter3")
    assert resolve(f"file:{path}").reveal() == "hunter3"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_file_of_its_owner_alone(tmp_path: Path, mode: int) -> None:
    assert resolve(f"file:{kept(tmp_path / 'pg', mode=mode)}").reveal() == "hunter2"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o444, 0o610, 0o602])
def test_file_that_others_can_reach(tmp_path: Path, mode: int) -> None:
    path = kept(tmp_path / "pg", mode=mode)
    error = refusal(f"file:{path}")
    assert error.code == "QX-SEC-002"
    assert error.message == f"file:{path}: others than its owner can reach it (mode {mode:04o})"
    assert f"chmod 600 {path}" in error.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file that root owns")
@pytest.mark.parametrize("mode", [0o400, 0o440, 0o640])
def test_root_may_let_a_group_read(tmp_path: Path, mode: int) -> None:
    assert resolve(f"file:{kept(tmp_path / 'pg', mode=mode)}").reveal() == "hunter2"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_owner_may_not(tmp_path: Path) -> None:
    path = kept(tmp_path / "pg", mode=0o440)
    os.chown(path, 12345, 12345)
    assert refusal(f"file:{path}").code == "QX-SEC-002"


def test_file_that_is_missing_or_no_file(tmp_path: Path) -> None:
    assert refusal(f"file:{tmp_path}/nope").message == f"file:{tmp_path}/nope: No such file or directory"
    assert "not a regular file" in refusal(f"file:{tmp_path}").message
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, stat.S_IRUSR | stat.S_IWUSR)
    assert "not a regular file" in refusal(f"file:{fifo}").message  # and it did not wait for a writer


@pytest.mark.parametrize(("content", "why"), [
    (b"", "it is empty"), (b"\n", "it is empty"), (b"\xffhunter2", "not UTF-8"),
    (b"hunter2" * MAX_BYTES, "longer than"),
])  # fmt: skip
def test_file_that_holds_no_password(tmp_path: Path, content: bytes, why: str) -> None:
    path = kept(tmp_path / "pg", "")
    path.write_bytes(content)
    error = refusal(f"file:{path}")
    assert why in error.message
    assert "hunter2" not in f"{error} {error.hint} {error.__cause__}"


# -- cmd -------------------------------------------------------------------------------------------


def test_cmd(tmp_path: Path) -> None:
    assert resolve(python(tmp_path, "print('hunter2')")).reveal() == "hunter2"


def test_cmd_sees_no_shell_and_no_input(tmp_path: Path) -> None:
    program = python(tmp_path, "import sys; print(sys.argv[1:], repr(sys.stdin.read()))")
    assert resolve(f"{program} '$HOME;' `id` | x").reveal() == "['$HOME;', '`id`', '|', 'x'] ''"


@pytest.mark.parametrize(("source", "why"), [
    ("import sys; print('hunter2'); sys.stderr.write('hunter2'); sys.exit(3)", "it ended with 3"),
    ("pass", "it is empty"),
    ("import sys; sys.stdout.buffer.write(b'\\xffhunter2')", "not UTF-8"),
    ("while True: print('hunter2')", "prints more than"),
    ("import os; os.kill(os.getpid(), 9)", "it ended with -9"),
])  # fmt: skip
def test_cmd_that_gives_no_password(tmp_path: Path, source: str, why: str) -> None:
    reference = python(tmp_path, source)
    error = refusal(reference)
    assert error.code == "QX-SEC-001"
    assert error.message.startswith(f"{reference}: ")
    assert why in error.message
    assert "hunter2" not in f"{error} {error.hint} {error.__cause__}"


def test_cmd_that_does_not_exist() -> None:
    assert refusal("cmd:/nope/nope --flag").message == "cmd:/nope/nope --flag: No such file or directory"


def test_cmd_is_ended_at_its_deadline_with_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "TIMEOUT_S", 2.0)
    born = tmp_path / "born"
    source = f"""
import os, time
child = os.fork()
if child:
    with open({str(born)!r}, "w") as file:
        file.write(f"{{os.getpid()}} {{child}}")
time.sleep(600)
"""
    assert "no end within 2 s" in refusal(python(tmp_path, source)).message
    pids = [int(word) for word in born.read_text().split()]
    assert len(pids) == 2
    give_up = time.monotonic() + 10
    while any(map(lives, pids)):
        assert time.monotonic() < give_up, "still there"


# -- keyring ---------------------------------------------------------------------------------------


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str | None]:
    """The library's two names that qx uses, over a mapping; asking for ("locked", ...) fails."""
    held: dict[tuple[str, str], str | None] = {}
    library, errors = ModuleType("keyring"), ModuleType("keyring.errors")
    errors.KeyringError = type("KeyringError", (Exception,), {})  # type: ignore[attr-defined]

    def get_password(service: str, user: str) -> str | None:
        if service == "locked":
            raise errors.KeyringError("hunter2")
        return held.get((service, user))

    library.get_password = get_password  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", library)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return held


def test_keyring(keyring: dict[tuple[str, str], str | None]) -> None:
    keyring["qx", "admin"] = "hunter2"
    assert resolve("keyring:qx/admin").reveal() == "hunter2"
    assert refusal("keyring:qx/other").message == "keyring:qx/other: no such entry"
    locked = refusal("keyring:locked/x")
    assert locked.message == "keyring:locked/x: the keyring refused (KeyringError)"


def test_keyring_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    error = refusal("keyring:qx/admin")
    assert "not installed" in error.message
    assert error.hint == "pip install keyring"
