"""docker-compose.regional.yml: a compose program accepts it, with the ports, networks and checks promised."""

from __future__ import annotations

import ipaddress
import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deployment.conftest import REGIONS, ROOT

FILE = ROOT / "docker-compose.regional.yml"
EXAMPLE = ROOT / ".env.regional.example"

PORTS = {
    "us": (5432, 6379),
    "eu": (5433, 6380),
    "me": (5434, 6381),
    "guyana": (5435, 6382),
    "bahrain": (5436, 6383),
    "ap": (5437, 6384),
}
TIMEZONES = {
    "us": "America/New_York",
    "eu": "Europe/Dublin",
    "ap": "Asia/Singapore",
    "me": "Asia/Dubai",
    "guyana": "America/Guyana",
    "bahrain": "Asia/Bahrain",
}
REPLICATING = {
    frozenset(pair)
    for pair in (
        *itertools.combinations(("postgres-us", "postgres-eu", "postgres-ap"), 2),
        *itertools.combinations(("redis-us", "redis-eu", "redis-ap"), 2),
        ("postgres-bahrain", "postgres-me"),
    )
}
SEED_NAMES = {
    # names of the regional infrastructure
    *(f"DB_{what}_{region.upper()}" for what in ("NAME", "USER", "PASSWORD") for region in REGIONS),
    *(f"REDIS_PASSWORD_{region.upper()}" for region in REGIONS),
    "CBB_API_ENDPOINT", "CBB_CLIENT_ID", "CBB_CLIENT_SECRET", "NODE_ENV",
    # names of the multi-region deployment
    "ENABLE_MULTI_REGION", "DEPLOYMENT_REGION", "DATABASE_URL_US_EAST_PRIMARY", "DATABASE_URL_US_EAST_REPLICA",
    "REDIS_MODE", "REDIS_CLUSTER_US_EAST", "CDN_ENABLED", "CDN_PROVIDER", "CDN_ENDPOINT_US_EAST",
    "AUTO_FAILOVER_ENABLED", "HEALTH_CHECK_INTERVAL", "MAX_CONSECUTIVE_FAILURES", "FAILBACK_ENABLED", "FAILBACK_DELAY",
    "ENABLE_CROSS_REGION_PROXY",
}  # fmt: skip

def example() -> dict[str, str]:
    """The example's names and values."""
    pairs: dict[str, str] = {}
    for line in EXAMPLE.read_text().splitlines():
        if line and not line.startswith("#"):
            name, value = line.split("=", 1)
            pairs[name] = re.sub(r"\s+#.*", "", value)
    return pairs


@pytest.fixture(scope="module")
def compose() -> list[str]:
    """The argv of a compose program: Docker's plugin, or docker-compose."""
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    standalone = shutil.which("docker-compose")
    if standalone:
        return [standalone]
    pytest.skip("neither `docker compose` nor docker-compose is installed: nothing here can accept the file")


def config(compose: list[str], env_file: str, *more: str) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [*compose, "--env-file", env_file, "-f", str(FILE), "config", *more],
        cwd=ROOT, env=clean, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture(scope="module")
def stack(compose: list[str]) -> dict[str, Any]:
    """The file as the compose program reads it with the example's settings."""
    read = config(compose, str(EXAMPLE))
    assert read.returncode == 0, read.stderr
    loaded: dict[str, Any] = yaml.safe_load(read.stdout)
    return loaded


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """The file as YAML, before any program has read it."""
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def networks_of(service: dict[str, Any]) -> set[str]:
    return set(service["networks"])


def test_services_are_the_servers_of_six_regions(stack: dict[str, Any]) -> None:
    assert set(stack["services"]) == {f"{kind}-{region}" for kind in ("postgres", "redis") for region in REGIONS}


@pytest.mark.parametrize("name", ["DB_PASSWORD_US", "DB_NAME_GUYANA", "REDIS_PASSWORD_ME"])
def test_a_missing_setting_is_named(compose: list[str], tmp_path: Path, name: str) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("".join(f"{key}={value}\n" for key, value in example().items() if key != name))
    refused = config(compose, str(env_file))
    assert refused.returncode != 0
    assert name in refused.stderr


def test_every_setting_is_asked_for_by_name() -> None:
    text = FILE.read_text()
    asked = set(re.findall(r"\$\{([A-Z_]+):\?[^}]+\}", text))
    assert set(re.findall(r"\$\{([A-Z_]+)", text)) == asked
    assert {name for name in SEED_NAMES if name.startswith(("DB_", "REDIS_PASSWORD"))} <= asked


def test_no_password_has_a_default(written: dict[str, Any]) -> None:
    text = FILE.read_text()
    assert not re.findall(r"\$\{[A-Z_]+:?-", text), "a default value"
    for name, service in written["services"].items():
        for key, value in service["environment"].items():
            if "PASSWORD" in key or "AUTH" in key:
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), f"{name}: {key}"


def test_example_carries_every_name_and_no_usable_secret() -> None:
    names = example()
    assert not SEED_NAMES - set(names)
    used = set(re.findall(r"\$\{([A-Z_]+)", FILE.read_text()))
    assert used <= set(names), "used by the file, missing in the example"
    for name, value in names.items():
        assert value, name
        if "PASSWORD" in name or "SECRET" in name:
            assert value.startswith("change-me"), name


@pytest.mark.parametrize("region", REGIONS)
def test_ports_are_published_on_loopback_only(written: dict[str, Any], region: str) -> None:
    postgres, redis = PORTS[region]
    services = written["services"]
    assert services[f"postgres-{region}"]["ports"] == [f"127.0.0.1:{postgres}:5432"]
    assert services[f"redis-{region}"]["ports"] == [f"127.0.0.1:{redis}:6379"]


@pytest.mark.parametrize("region", REGIONS)
def test_each_region_has_a_network_that_no_other_joins(stack: dict[str, Any], region: str) -> None:
    network = f"quantenergx-{region}"
    assert stack["networks"][network]["name"] == network
    assert not stack["networks"][network].get("internal")  # Docker publishes no port from an internal one
    members = {name for name, service in stack["services"].items() if network in networks_of(service)}
    assert members == {f"postgres-{region}", f"redis-{region}"}


def test_servers_of_different_regions_meet_only_to_replicate(stack: dict[str, Any]) -> None:
    services = stack["services"]
    for one, other in itertools.combinations(sorted(services), 2):
        if one.split("-")[1] == other.split("-")[1]:
            continue
        shared = networks_of(services[one]) & networks_of(services[other])
        assert len(shared) == (frozenset((one, other)) in REPLICATING), f"{one} and {other}: {shared or 'no network'}"
        for network in shared:
            assert stack["networks"][network]["internal"] is True
            members = {name for name, service in services.items() if network in networks_of(service)}
            assert members == {one, other}, network
    assert all(networks_of(service) <= set(stack["networks"]) for service in services.values())
    assert len(stack["networks"]) == len(REGIONS) + len(REPLICATING)


def test_subnets_are_apart_and_the_servers_let_in_exactly_theirs(stack: dict[str, Any]) -> None:
    subnets = {
        name: ipaddress.ip_network(network["ipam"]["config"][0]["subnet"])
        for name, network in stack["networks"].items()
    }
    for one, other in itertools.combinations(subnets, 2):
        assert not subnets[one].overlaps(subnets[other]), (one, other)
    for region in REGIONS:
        service = stack["services"][f"postgres-{region}"]
        own = f"quantenergx-{region}"
        assert service["environment"]["CLIENT_NETWORKS"] == str(subnets[own])
        pairs = {str(subnets[name]) for name in networks_of(service) - {own}}
        assert set(service["environment"].get("REPLICATION_NETWORKS", "").split()) == pairs


def test_peers_are_the_servers_on_the_other_end(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        others = {next(iter(pair - {name})) for pair in REPLICATING if name in pair}
        port = 5432 if name.startswith("postgres") else 6379
        assert set(service["environment"].get("PEERS", "").split()) == {f"{other}:{port}" for other in others}
        assert service["environment"]["REGION"] == REGIONS[name.split("-")[1]]


def test_each_cluster_is_born_with_one_writer(stack: dict[str, Any]) -> None:
    environments = {name: service["environment"] for name, service in stack["services"].items()}
    postgres = {name: env["BOOTSTRAP"] for name, env in environments.items() if name.startswith("postgres")}
    writers = {name for name, role in postgres.items() if role == "writer"}
    assert writers == {"postgres-us", "postgres-bahrain", "postgres-guyana"}
    assert set(postgres.values()) == {"writer", "standby"}
    assert {name for name, env in environments.items() if "UPSTREAM" in env} == {"redis-eu", "redis-ap"}
    books = [suffix for env in environments.values() for suffix in env.get("DATABASES", "").split()]
    assert sorted(books) == sorted(REGIONS), "each region's database in exactly one cluster"


@pytest.mark.parametrize("region", REGIONS)
def test_health_checks(stack: dict[str, Any], region: str) -> None:
    names = example()
    postgres = stack["services"][f"postgres-{region}"]["healthcheck"]
    assert postgres["test"] == [
        "CMD", "pg_isready", "-U", names[f"DB_USER_{region.upper()}"], "-d", names[f"DB_NAME_{region.upper()}"]
    ]  # fmt: skip
    assert (postgres["interval"], postgres["timeout"]) == ("10s", "5s")
    redis = stack["services"][f"redis-{region}"]
    assert redis["healthcheck"]["test"][0] == "CMD-SHELL"
    assert " ping " in redis["healthcheck"]["test"][1]
    assert "-a" not in redis["healthcheck"]["test"][1].split(), "a password in an argument"
    assert redis["environment"]["VALKEYCLI_AUTH"] == names[f"REDIS_PASSWORD_{region.upper()}"]
    assert (redis["healthcheck"]["interval"], redis["healthcheck"]["timeout"]) == ("10s", "3s")


def test_every_server_is_bounded_kept_and_held_down(written: dict[str, Any]) -> None:
    for name, service in written["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert float(limits["cpus"]) > 0, name
        assert limits["memory"], name
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+\.?\d*-[a-z]+", service["image"]), f"{name}: not pinned"
        assert service["environment"]["TZ"] == TIMEZONES[name.split("-")[1]]
        assert f"{name}:" in service["volumes"][0]
        assert name in written["volumes"]
        assert service["restart"] == "no", "a supervisor would bring an old writer back behind qx's back"
        assert "depends_on" not in service, "starting a standby would start the server that it once followed"
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert service["user"] not in ("root", "0")


def test_what_is_mounted_stands_in_the_repository(written: dict[str, Any]) -> None:
    for service in written["services"].values():
        for volume in service["volumes"][1:]:
            source, target, mode = volume.split(":")
            assert mode == "ro"
            assert (ROOT / source).is_dir()
            script = service["entrypoint"][1]
            assert script.startswith(f"{target}/")
            assert (ROOT / source / script.removeprefix(f"{target}/")).is_file()
            conf = service["environment"].get("CONFIG")
            assert conf is None or (ROOT / source / conf.removeprefix(f"{target}/")).is_file()
    for region in REGIONS:
        assert (ROOT / f"deployment/postgres/init-{region}.sql").is_file()
