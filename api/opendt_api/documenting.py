"""The OpenAPI 3.1 document as the API behaves: problem documents for every refusal, and who needs a token where."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from opendt_api.problems import PROBLEM, TITLES, Problem

_SCHEMA: Final = "Problem"
_BEARER: Final = "token"
_ANYWHERE: Final = (400, 401, 422, 429)
_OF_WRITES: Final = (413,)
_OURS_OR_FASTAPIS: Final = ("HTTPValidationError", "ValidationError")
_TOKEN_TEXT: Final = "The token in the run folder, or that of a principal. Reads need it only where the API does not listen on loopback."


def document(app: FastAPI) -> dict[str, Any]:
    """What FastAPI knows, and beside it what the guard around the application adds."""
    made = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
    schemas = made["components"]["schemas"]
    for name in _OURS_OR_FASTAPIS:
        schemas.pop(name, None)
    schemas[_SCHEMA] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    made["components"]["securitySchemes"] = {_BEARER: {"type": "http", "scheme": "bearer", "description": _TOKEN_TEXT}}
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _complete(operation, writes=method in ("post", "put"), of_datacenter="{dc}" in path)
    return made


def _complete(operation: dict[str, Any], *, writes: bool, of_datacenter: bool) -> None:
    for parameter in operation.get("parameters", ()):
        parameter["required"] |= parameter["name"] == "if-match"  # the routes answer for its absence themselves
    responses = operation["responses"]
    refused = {int(status) for status in responses if int(status) >= 400}
    for status in sorted(refused | {*_ANYWHERE, *(_OF_WRITES if writes else ()), *((404,) if of_datacenter else ())}):
        content = {PROBLEM: {"schema": {"$ref": f"#/components/schemas/{_SCHEMA}"}}}
        responses[str(status)] = {"description": TITLES[status], "content": content}
    operation["security"] = [{_BEARER: []}] if writes else [{}, {_BEARER: []}]
