"""Topologies changed by JSON Patch (RFC 6902), and what changed between two of them as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import jsonpatch
import orjson

from opendt_streams.errors import BadInput
from opendt_streams.model.topology import Topology
from opendt_streams.model.topology_json import read_topology, to_document
from opendt_streams.wire.topics import MAX_VALUE_BYTES

_SPECIFICATION: Final = "a JSON Patch (RFC 6902): a list of operations with op, path and value"
_GROWING: Final = ("add", "copy", "replace")


def patched(topology: Topology, patch: object) -> Topology:
    """What the patch makes of the topology's normal form, which is the document that `opendt topology show --json` prints.

    Raises:
        BadInput: it is no patch, names the operation that cannot be applied, or what comes out is no topology.
    """
    if not isinstance(patch, list):
        raise BadInput(f"{type(patch).__name__} at the top", expected=_SPECIFICATION, where="patch")
    document: Any = to_document(topology)
    for number, operation in enumerate(patch):
        document = _applied(document, operation, f"patch[{number}]")
    return whole(document)


def whole(document: object) -> Topology:
    """A topology document that a person wrote. OpenDC's dialect: a misspelt key is an error, not a default.

    Raises:
        BadInput: with the path of what is wrong.
    """
    return read_topology(document, "opendc")


def patch_between(before: Topology, after: Topology) -> Sequence[dict[str, Any]]:
    """The operations that turn the one normal form into the other."""
    operations: list[dict[str, Any]] = jsonpatch.make_patch(to_document(before), to_document(after)).patch
    return operations


def _applied(document: Any, operation: object, where: str) -> Any:
    if not isinstance(operation, dict):
        raise BadInput(f"{type(operation).__name__} where an operation belongs", expected=_SPECIFICATION, where=where)
    path = operation.get("path")
    where = f"{where} {path}" if isinstance(path, str) and path else where
    try:
        document = jsonpatch.apply_patch(document, [operation])
        too_long = operation.get("op") in _GROWING and len(orjson.dumps(document)) > MAX_VALUE_BYTES  # copies could double for ever
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise BadInput(f"cannot be applied: {error}", where=where) from None
    except (RecursionError, TypeError) as error:
        raise BadInput(f"cannot be applied: {error}", expected=_SPECIFICATION, where=where) from None
    if too_long:
        raise BadInput(f"makes a topology of more than {MAX_VALUE_BYTES} bytes", where=where)
    return document
