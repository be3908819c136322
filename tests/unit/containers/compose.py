"""docker-compose.yml and Dockerfile as they are checked in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[3]
COMPOSE_FILE: Final = ROOT / "docker-compose.yml"
DOCKERFILE: Final = ROOT / "Dockerfile"
COMPOSE: Final[dict[str, Any]] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
OURS: Final = {name: service for name, service in SERVICES.items() if str(service["image"]).startswith("opendt")}


def entry_point() -> list[str]:
    """What a service's command is given to."""
    (found,) = re.findall(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    words: list[str] = json.loads(found)
    return words


def image_health_check() -> list[str]:
    (found,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    words: list[str] = json.loads(found)
    return words


def interpolated(value: object) -> str:
    """A value of compose with the defaults of its variables, as on a machine that sets none."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
