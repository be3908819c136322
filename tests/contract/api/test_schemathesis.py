"""What schemathesis makes of our OpenAPI document: no request of its gets an answer that the document does not promise, and no 5xx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from opendt_api.app import create_app
from opendt_api.openapi import openapi_document

from tests.contract.api.serving import served
from tests.unit.api.site import SITE
from tests.unit.api.test_routes import ANN, context_of_site, principals

schema = schemathesis.openapi.from_dict(orjson.loads(openapi_document()))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    context, _ = context_of_site()
    with served(create_app(context, principals(), host="127.0.0.1", per_second=1e6)) as found:
        yield found


@pytest.mark.parametrize("headers", [{}, ANN], ids=["stranger", "ann"])
@schema.parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_a_promised_one(case: schemathesis.Case[Any], headers: dict[str, str], address: str) -> None:
    case.call_and_validate(base_url=address, headers=headers)


@schema.include(path_regex="{dc}").parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_so_it_is_of_a_datacenter_that_is_there(case: schemathesis.Case[Any], address: str) -> None:
    """Random names are 404 and get no further."""
    case.path_parameters["dc"] = SITE
    if "event" in case.path_parameters:
        case.path_parameters["event"] = "head"
    case.call_and_validate(base_url=address, headers=ANN)
