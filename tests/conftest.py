"""What every test shares: hypothesis without wall-clock deadlines, since the machine may be busy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("qx", deadline=None)
settings.load_profile("qx")

pytest_plugins = ["tests.fixtures_servers", "tests.fixtures_lab", "tests.fixtures_etcd"]
