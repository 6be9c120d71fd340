"""Whatever the OpenAPI document allows, and much that it does not, is answered as it says.

Ten requests an operation run with every test run; `make fuzz` sends 100,000.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.test_doors import town
from townsquare.context.openapi.document import document
from townsquare.context.openapi.operations import LINES, Line

load_all_checks()
DOCUMENT = schemathesis.openapi.from_dict(document())
CHECKS = [content_type_conformance, response_schema_conformance, status_code_conformance]
REQUESTS = int(os.environ.get("REQUESTS", "100000"))
MODES = list(schemathesis.GenerationMode)


class Doors:
    """One town for all requests: what an earlier one left is there for the next."""

    def __init__(self, runner: asyncio.Runner, http: httpx.AsyncClient) -> None:
        self.runner = runner
        self.http = http
        self.sent = 0

    def asked(self, case: "schemathesis.Case[Any]") -> None:
        sent = case.as_transport_kwargs(base_url="http://t/ngsi-ld/v1")
        body = {"content": sent["data"]} if "data" in sent else {"json": sent.get("json")}
        request = self.http.build_request(
            sent["method"],
            sent["url"],
            params=sent.get("params"),
            headers={k: v for k, v in sent["headers"].items() if str(v).isascii()},
            **(body if sent.get("json", sent.get("data")) is not None else {}),
        )
        answer = self.runner.run(self.http.send(request))
        self.sent += 1
        assert answer.status_code < 500 or answer.status_code == 504, case.as_curl_command()
        case.validate_response(answer, checks=CHECKS)


@pytest.fixture(scope="module")
def doors() -> Iterator[Doors]:
    with asyncio.Runner() as runner:
        opened = town()
        http = runner.run(opened.__aenter__())
        yield Doors(runner, http)
        runner.run(opened.__aexit__(None, None, None))


def fed(doors: Doors, line: Line, examples: int) -> None:
    operation = DOCUMENT[f"/{line.path}"][line.method]
    for mode in MODES:
        case = operation.as_strategy(generation_mode=mode)
        some = settings(
            max_examples=examples // len(MODES),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        some(given(case)(lambda case: doors.asked(case)))()


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.method} {line.path}")
def test_every_door_keeps_to_the_document(doors: Doors, line: Line) -> None:
    fed(doors, line, 10)


@pytest.mark.fuzz
def test_doors_for_long(doors: Doors, capsys: pytest.CaptureFixture[str]) -> None:
    for number, line in enumerate(LINES, 1):
        fed(doors, line, REQUESTS // len(LINES))
        with capsys.disabled():
            sys.stdout.write(f"\n{doors.sent:7,} requests, door {number} of {len(LINES)}: ")
            sys.stdout.write(f"{line.method} {line.path}")


def test_the_document_is_served() -> None:
    async def served() -> Any:
        async with town() as http:
            return (await http.get("/ngsi-ld/v1/openapi.json")).json()

    assert asyncio.run(served())["paths"] == document()["paths"]
