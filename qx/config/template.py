"""The commented regions.yaml that `qx config init` writes: data of the package, valid as it stands."""

from __future__ import annotations

from importlib import resources


def template() -> str:
    return resources.files("qx.config").joinpath("template.yaml").read_text(encoding="utf-8")
