"""The JSON Schema is one, says what the model says, and describes what it can."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from msgspec import Struct

from qx.config.decode import custom
from qx.config.load import understand
from qx.config.marks import compose
from qx.config.schema import DIALECT, schema_of
from qx.kernel.spans import Seconds
from qx.model.platform import Platform
from tests.unit.config.base import BASE, but

SCHEMA = schema_of(Platform, "regions.yaml")


class Leaf(Struct):
    """A leaf."""

    number: float
    flag: bool = False
    maybe: int | None = None
    wait: Seconds = Seconds(1)


class Twig(Struct):
    left: Leaf
    right: Leaf


def valid(text: str) -> bool:
    validator: Any = Draft202012Validator(SCHEMA)
    return bool(validator.is_valid(compose(text.encode(), "f").tree))


def test_it_is_a_schema_of_the_draft_that_it_names() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == DIALECT
    assert SCHEMA["title"] == "regions.yaml"


def test_every_struct_of_the_file_stands_once_with_its_docstring() -> None:
    assert SCHEMA["$ref"] == "#/$defs/Platform"
    assert set(SCHEMA["$defs"]) >= {"Cluster", "Node", "LocalControl", "CommandControl", "LabRoute", "FileRoute"}
    assert SCHEMA["$defs"]["Approval"]["description"].startswith("A recorded permission")


def test_defaults_are_written_as_the_file_writes_them() -> None:
    assert SCHEMA["$defs"]["Objectives"]["properties"]["rpo_bytes"]["default"] == "1.0 MiB"
    assert SCHEMA["$defs"]["Region"]["properties"]["timezone"] == {"type": "string", "default": "UTC"}


def test_what_is_valid() -> None:
    assert valid(BASE)
    assert valid(but(("rpo: 5s", "rpo: 0.5"), ("rpo_bytes: 64KiB", "rpo_bytes: 1024")))


@pytest.mark.parametrize(("old", "new"), [
    ("    title: US East", "    titel: US East"),
    ("          driver: local\n", ""),
    ("driver: local", "driver: remote"),
    ("          timeout: 10s", "          timeout: 10s\n          port: 22"),  # of the other driver
    ("rpo: 5s", "rpo: 5 parsecs"),
    ("rpo: 5s", "rpo: -1"),
    ("rpo_bytes: 64KiB", "rpo_bytes: 64 KiBit"),
    ("kind: redis", "kind: reddis"),
    ("priority: 100", "priority: '100'"),
    ("jurisdictions: [EU]", "jurisdictions: EU"),
])  # fmt: skip
def test_what_is_not(old: str, new: str) -> None:
    assert not valid(but((old, new)))


@pytest.mark.parametrize("text", ["1h00m", "1m30s", "250ms", "1.5 h", "12 ms", "2D", "7", " 5 s "])
def test_the_pattern_of_durations_is_that_of_the_parser(text: str) -> None:
    document = but(("rpo: 5s", f"rpo: '{text}'"))
    assert valid(document)
    understand(compose(document.encode(), "f"))


def test_a_custom_type_that_nobody_can_read_is_a_bug() -> None:
    with pytest.raises(NotImplementedError, match="complex"):
        custom(complex, "1")


def test_a_model_may_hold_every_kind_of_value() -> None:
    leaf = schema_of(Twig, "twig")["$defs"]["Leaf"]
    assert leaf["description"] == "A leaf."
    assert leaf["properties"]["number"] == {"type": "number"}
    assert leaf["properties"]["flag"] == {"type": "boolean", "default": False}
    assert leaf["properties"]["maybe"] == {"oneOf": [{"type": "integer"}, {"type": "null"}], "default": None}
    assert leaf["required"] == ["number"]
