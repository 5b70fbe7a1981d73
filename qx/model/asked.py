"""Asked: the actions of a runbook's steps, and which runbook was called with which inputs. Pure data without a secret.

They are actions of a plan like any other (`qx.model.plan.Action`), with a condition of their own. What they act on is
named in them; `cluster` and `region` are '' where no node is meant.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Called(Struct, frozen=True, kw_only=True):
    """The runbook that a plan was made of, and the inputs that were given or are its defaults."""

    name: str
    title: str
    file: str
    file_digest: str
    inputs: dict[str, str | int | float | bool | tuple[str, ...]]

    @property
    def scope(self) -> str:
        """One run of it at a time: no cluster can be called so."""
        return f"runbook:{self.name}"


class _Asked(Struct, frozen=True, kw_only=True, tag=True):
    """A step of a runbook. `when`: an expression, judged when its turn comes: false skips it."""

    cluster: str = ""
    region: str = ""
    when: str = ""

    @property
    def changes(self) -> bool:
        """Whether something of it stays when it is not undone."""
        return True


class Subplan(_Asked, frozen=True, kw_only=True):
    """A move, planned when its turn comes and run as a run of its own, which its proof names."""

    verb: Literal["failover", "failback", "rejoin", "contain"]
    to: str = ""
    source: str = ""
    clusters: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    excepted: tuple[str, ...] = ()
    accept_loss: str = ""
    attest_fenced: tuple[str, ...] = ()
    override: tuple[str, ...] = ()
    reason: str = ""


class Maintain(_Asked, frozen=True, kw_only=True):
    """Maintenance of `scope` begins, for so many seconds; 0: it ends."""

    scope: str
    lasting_s: float
    reason: str = ""


class Sql(_Asked, frozen=True, kw_only=True):
    """One statement; without `writes` in a read-only transaction. An answer that did not come is looked for by the
    query `settled`, or stays unknown.
    """

    statement: str
    parameters: tuple[str | int | float | bool, ...] = ()
    writes: bool = False
    rows: int = 20
    expect: str = ""
    settled: str = ""

    @property
    def changes(self) -> bool:
        return self.writes


class RedisCommand(_Asked, frozen=True, kw_only=True):
    """One command; one that `writes` only at the master."""

    command: tuple[str, ...]
    writes: bool = False
    expect: str = ""
    repeatable: bool = False

    @property
    def changes(self) -> bool:
        return self.writes


class HttpCall(_Asked, frozen=True, kw_only=True):
    """One request; no redirect is followed. `secrets`: header -> reference."""

    method: str
    url: str
    headers: dict[str, str] = {}
    secrets: dict[str, str] = {}
    body: str = ""
    status: tuple[int, ...] = (200,)
    expect: str = ""
    repeatable: bool = False

    @property
    def changes(self) -> bool:
        return self.method not in {"GET", "HEAD"}


class Command(_Asked, frozen=True, kw_only=True):
    """A program that regions.yaml allows, without a shell. `secrets`: variable -> reference."""

    argv: tuple[str, ...]
    secrets: dict[str, str] = {}
    exit: tuple[int, ...] = (0,)
    expect: str = ""
    repeatable: bool = False


class Approve(_Asked, frozen=True, kw_only=True):
    """Waits until somebody else than the requester has approved this very plan."""

    message: str = ""

    @property
    def changes(self) -> bool:
        return False


class WaitUntil(_Asked, frozen=True, kw_only=True):
    """Looks every `interval_s` until the expression is true."""

    until: str
    interval_s: float = 1.0

    @property
    def changes(self) -> bool:
        return False


class Notify(_Asked, frozen=True, kw_only=True):
    """People are told, through the channels of regions.yaml; none named: all."""

    message: str
    severity: Literal["info", "warning", "critical"] = "info"
    channels: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return False


Asked = Subplan | Maintain | Sql | RedisCommand | HttpCall | Command | Approve | WaitUntil | Notify
