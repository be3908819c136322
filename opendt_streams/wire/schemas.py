"""JSON Schemas (draft 2020-12) of all messages and an AsyncAPI document, generated from the models that read them.

    python -m opendt_streams.wire.schemas [--check] [DIR]

writes them into DIR (default: schemas), or with --check tells what there differs from the models and exits 1. What a schema cannot say
(columns of equal length, digests, order) the models check.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from opendt_streams.wire.asyncapi import asyncapi_document
from opendt_streams.wire.kinds import KINDS, SNAPSHOT, Kind

VERSION: Final = "v1"

# Units of fields whose names do not end in one, and of the endings that do.
_UNITS_OF_NAMES: Final = {
    "duration": "ms",
    "cpu_capacity": "MHz, of the whole task",
    "cpu_usage": "MHz, of the whole task",
    "cpu_usage_mhz": "MHz, of the whole task",
    "mem_capacity": "1/1000 MiB",
    "power_draw": "W",
    "interval_half_width": "share of the value",
}
_UNITS_OF_ENDINGS: Final = {
    "_ms": "ms",
    "_w": "W",
    "_j": "J",
    "_mhz": "MHz",
    "_percent": "%",
    "_g_per_kwh": "g/kWh",
    "_g": "g",
    "_per_hour": "per hour",
}


class _Plain(GenerateJsonSchema):
    """Without a title for each field that only repeats its name."""

    def field_title_should_be_set(self, schema: core_schema.CoreSchema) -> bool:
        return False


class _Yaml(yaml.SafeDumper):
    """Without anchors, and with text of several lines as it is."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)


_Yaml.add_representer(str, _Yaml.represent_str)


def json_schema(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a kind's value. Unknown keys are allowed: a newer producer may add some."""
    body = kind.model.json_schema(schema_generator=_Plain)
    if kind.tag is not None:
        body["properties"] = {"message_type": {"const": kind.tag, "type": "string"}, **body["properties"]}
    for part in (body, *body.get("$defs", {}).values()):
        _complete(part, typed=kind is not SNAPSHOT)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:opendt-streams:schema:{kind.name}:{VERSION}",
        **body,
        "title": kind.title,
    }


def documents() -> dict[str, str]:
    """Every file of the schemas folder: its path within, and its text."""
    files = {
        f"{kind.name}/{VERSION}.json": json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"
        for kind in sorted(KINDS, key=lambda k: k.name)
    }
    asyncapi = yaml.dump(asyncapi_document(VERSION), Dumper=_Yaml, sort_keys=False, allow_unicode=True, width=120)
    return files | {"asyncapi.yaml": asyncapi}


def differences(folder: Path, expected: Mapping[str, str]) -> list[str]:
    """What in `folder` is missing, differs, or belongs to no message, a line each."""
    found = {p.relative_to(folder).as_posix() for p in (*folder.glob(f"*/{VERSION}.json"), *folder.glob("asyncapi.yaml"))}
    missing = [f"{name}: missing" for name in expected if name not in found]
    surplus = [f"{name}: no such message" for name in sorted(found - expected.keys())]
    other = [f"{name}: differs" for name in expected if name in found and (folder / name).read_text(encoding="utf-8") != expected[name]]
    return missing + surplus + other


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m opendt_streams.wire.schemas", description="JSON Schemas and AsyncAPI of all messages.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("schemas"), metavar="DIR")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if DIR is not what would be written")
    options = parser.parse_args(arguments)
    expected = documents()
    if options.check:
        lines = differences(options.folder, expected)
        sys.stderr.writelines(f"{options.folder}/{line}\n" for line in lines)
        return 1 if lines else 0
    for name, text in expected.items():
        path = options.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


def _complete(part: dict[str, Any], *, typed: bool) -> None:
    """Add what the models leave to the reader: that the type must be said (it has a default only for writers), and units."""
    properties: dict[str, Any] = part.get("properties", {})
    if typed and "const" in properties.get("message_type", {}):
        properties["message_type"].pop("default", None)
        part["required"] = list(dict.fromkeys(["message_type", *part.get("required", [])]))
    for name, schema in properties.items():
        if unit := _unit(name):
            schema["x-unit"] = unit


def _unit(name: str) -> str | None:
    return _UNITS_OF_NAMES.get(name) or next((unit for ending, unit in _UNITS_OF_ENDINGS.items() if name.endswith(ending)), None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
