"""What `qx validate` adds: every region side by side, and obligations as a calendar file."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import icalendar
import pytest

from qx.app.compliance import Desk
from qx.cli.everywhere import answer_everywhere, write_calendar
from qx.cli.options import Universal
from qx.cli.shell import Shell
from qx.cli.streams import Streams
from qx.compliance.selftest import BASE, laid_over
from qx.compliance.transaction import read
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from qx.model.validation import Validation

AT = datetime(2026, 11, 22, tzinfo=UTC)


@lru_cache
def desk() -> Desk:
    """The built-in regions."""
    return Desk({}, cwd=Path("/nonexistent"))


class Asked:
    """One transaction under every built-in region: what was answered, and the validations."""

    def __init__(self, given: dict[str, Any], output: str = "json") -> None:
        out = io.StringIO()
        shell = Shell(Streams(io.StringIO(), out, io.StringIO(), {}), Universal(output=output))
        transaction = read(laid_over(BASE, given))
        self.every: tuple[Validation, ...] = answer_everywhere(shell, desk(), transaction, AT)
        self.out = out.getvalue()


def test_the_document_names_every_region_and_the_strictest_comes_first() -> None:
    asked = Asked({"transactionType": "swap", "originCountry": "RU"})
    said = json.loads(asked.out)
    assert said["schema"] == "qx.conflict/1"
    assert [each["region"] for each in said["regions"]] == list(desk().regions)
    assert asked.every[0].status == said["status"]
    assert {each.region: each.validation_id for each in asked.every} == {
        each["region"]: each["validationId"] for each in said["regions"]
    }


def test_people_read_the_same() -> None:
    asked = Asked({"currency": "USX"}, "table")
    assert "every region says rejected" in asked.out
    assert "GL-SCH-001" in asked.out


def test_obligations_of_all_regions_are_one_calendar(tmp_path: Path) -> None:
    asked = Asked({"transactionType": "swap", "uti": "U1"})
    file = tmp_path / "due.ics"
    write_calendar(str(file), asked.every)
    todos = icalendar.Calendar.from_ical(file.read_bytes()).walk("VTODO")
    assert len(todos) == sum(len(each.obligations) for each in asked.every) > 0
    first = file.read_bytes()
    write_calendar(str(file), asked.every)
    assert file.read_bytes() == first


def test_a_calendar_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "x.ics"):
        with pytest.raises(QxError) as error:
            write_calendar(str(path), [])
        assert error.value.code == "QX-CLI-004"
