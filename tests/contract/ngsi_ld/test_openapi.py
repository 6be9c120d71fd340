"""The OpenAPI document names every door, and no other."""

import re

import httpx
import pytest

from townsquare.context.api.app import Api
from townsquare.context.openapi.operations import LINES, Line


def pattern(line: Line) -> str:
    return re.sub(r"{\w+}", "*", line.path)


async def test_the_document_and_the_router_have_the_same_doors(api: Api) -> None:
    described = {(line.method, pattern(line)) for line in LINES}
    assert described == set(api.router.doors())


@pytest.mark.parametrize(
    "line", [line for line in LINES if line.method == "GET"], ids=lambda line: line.path
)
async def test_what_the_document_offers_is_known(http: httpx.AsyncClient, line: Line) -> None:
    """A parameter may be refused for its value or in what company it is, never as unknown."""
    path = re.sub(r"{\w+}", "urn:ngsi-ld:Bin:1", line.path)
    for parameter in line.parameters:
        answer = await http.get(f"/{path}", params={parameter.name: "x"})
        assert "unknown parameter" not in answer.text, parameter.name
