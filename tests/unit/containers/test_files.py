"""The container files: valid by the schemas of others, and what we promise of them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opendt_streams.settings import valid_keys
from opendt_streams.wire.topics import MAX_VALUE_BYTES
from tests.unit.containers.compose import COMPOSE, COMPOSE_FILE, DOCKERFILE, OURS, ROOT, SERVICES, image_health_check

EVERY = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
HADOLINT = Path(sys.executable).with_name("hadolint")


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, check=False, timeout=60)


def test_compose_is_valid_by_the_compose_specification() -> None:
    """The schema is the one that check-jsonschema brings along, so its version is pinned with it."""
    found = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE_FILE)
    assert found.returncode == 0, found.stdout


def test_the_schema_would_find_a_mistake(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE_FILE.read_text().replace("cap_drop: [", "cap_drops: [", 1))
    assert run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", wrong).returncode == 1


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint has no wheel for this machine")
def test_the_dockerfile_is_clean() -> None:
    found = run(HADOLINT, DOCKERFILE)
    assert (found.returncode, found.stdout) == (0, "")


@EVERY
def test_images_are_pinned(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[\w./-]+:\d+(\.\d+){2}", service["image"])


def test_the_base_image_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base) for base in bases)


@EVERY
def test_ports_are_loopbacks(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@EVERY
def test_containers_may_do_little(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert service["restart"]
    assert not service.get("privileged") and "network_mode" not in service
    if "kafka" not in service["image"]:  # its start script writes into its own folders
        assert service["read_only"]


def test_nothing_runs_as_root() -> None:
    (user,) = re.findall(r"^USER (\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert user == "10001:10001"
    assert "user" not in {key for service in SERVICES.values() for key in service}


def test_no_secret_stands_in_the_environment() -> None:
    assert COMPOSE["secrets"].keys() == {"api_token", "grafana_admin_password"}
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("TOKEN|PASSWORD|SECRET", name):
                assert str(value).startswith("/run/secrets/"), name
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "secrets/" in ignored
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()


def test_settings_in_the_environment_are_settings() -> None:
    """A misspelt one would be refused, but only in a container that nobody has started yet."""
    for service in OURS.values():
        for name in service.get("environment", {}):
            assert name.removeprefix("OPENDT_").lower().replace("__", ".") in valid_keys(), name


def test_whoever_is_waited_for_can_be_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            waited = SERVICES[other]
            if how["condition"] == "service_healthy":
                assert waited["healthcheck"]["test"], (name, other)
            else:
                assert how["condition"] == "service_completed_successfully"
                assert waited["restart"].startswith("on-failure"), (name, other)
            assert set(waited.get("profiles", [])) <= set(service.get("profiles", [])), f"{name} is started without {other}"


def test_the_apis_health_check_is_the_images() -> None:
    assert SERVICES["api"]["healthcheck"]["test"] == ["CMD", *image_health_check()]


def test_kafka_makes_no_topics_and_keeps_all() -> None:
    settings = SERVICES["kafka"]["environment"]
    assert settings["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert settings["KAFKA_LOG_RETENTION_MS"] == "-1"
    assert int(settings["KAFKA_MESSAGE_MAX_BYTES"]) > MAX_VALUE_BYTES
    assert f"kafka:{settings['KAFKA_LOG_DIRS']}" in SERVICES["kafka"]["volumes"]


def test_volumes_are_named_and_declared() -> None:
    named = {v.partition(":")[0] for service in SERVICES.values() for v in service.get("volumes", []) if not v.startswith("./")}
    assert named == COMPOSE["volumes"].keys()


def test_what_is_mounted_from_the_checkout_is_there_and_cannot_be_written() -> None:
    mounted = [v.split(":") for service in SERVICES.values() for v in service.get("volumes", []) if v.startswith("./")]
    assert mounted
    for path, _, mode in mounted:
        assert (ROOT / path).is_dir()
        assert mode == "ro"


def test_the_image_gets_what_its_build_copies() -> None:
    wanted = {w.removeprefix("!") for w in (ROOT / ".dockerignore").read_text().splitlines() if w.startswith("!")}
    copied = {p.split("/")[0] for line in re.findall(r"^COPY (?!--)(.+)$", DOCKERFILE.read_text(), re.MULTILINE) for p in line.split()[:-1]}
    assert copied == wanted
    assert all((ROOT / name).exists() for name in wanted)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not there")
def test_secrets_are_made_once(tmp_path: Path) -> None:
    made: dict[str, str] = {}
    make = ["make", "-s", "-f", str(ROOT / "Makefile"), "secrets"]
    for _ in range(2):
        subprocess.run(make, cwd=tmp_path, check=True, timeout=60, capture_output=True)
        again = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
        assert not made or again == made
        made = again
    assert made.keys() == COMPOSE["secrets"].keys()
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in made.values())
    assert len(set(made.values())) == 2
