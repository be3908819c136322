"""The OpenAPI 3.1 document of the API.

    python -m opendt_api.openapi [DIR]

writes openapi.json into DIR (default: schemas).
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from opendt_api.app import create_app
from opendt_api.context import Context
from opendt_api.security import Principals
from opendt_streams.projection.projection import Projection
from opendt_streams.settings import load

FILE = "openapi.json"


def openapi_document() -> bytes:
    """As it is checked in."""
    projection = Projection(load().settings.grid, lambda _: "")
    context = Context(projection, lambda: 0, ready=lambda: True, datacenter="")
    app = create_app(context, Principals({}), host="127.0.0.1", per_second=1)
    return orjson.dumps(app.openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


if __name__ == "__main__":
    (Path(sys.argv[1] if len(sys.argv) > 1 else "schemas") / FILE).write_bytes(openapi_document())
