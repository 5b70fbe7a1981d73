"""What `qx doctor` found: one examination, its evidence and what would mend it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Health(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Examined(Struct, frozen=True, kw_only=True):
    """`fix`: a command, or what to do, in a few words; '' when all is well."""

    group: str
    name: str
    status: Health
    evidence: str
    fix: str = ""


class Diagnosis(Struct, frozen=True, kw_only=True):
    """The document `qx.doctor/1`."""

    examined: tuple[Examined, ...]

    @property
    def worst(self) -> Health:
        found = {each.status for each in self.examined}
        return next((health for health in (Health.FAILED, Health.WARNING) if health in found), Health.OK)
