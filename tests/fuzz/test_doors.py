"""Whatever is thrown at a door, it answers in its own words and nothing breaks.

A few hundred tries run with every test run; `make fuzz` goes on for LONG_S seconds.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from townsquare.app import Settings
from townsquare.bus import open_bus
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.errors import Invalid
from townsquare.model.settings import parse
from townsquare.store import open_store
from townsquare.trust.policy import policy
from townsquare.vision import observation

LONG = timedelta(seconds=float(os.environ.get("LONG_S", "60")))
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
OPEN = Actor("machine:open", "machine", roles=frozenset({"open"}))

json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["urn:ngsi-ld:null", "Property", "Relationship", "2030-01-01T00:00:00Z"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "value",
                    "object",
                    "observedAt",
                    "datasetId",
                    "coordinates",
                    "@context",
                    "a",
                    *("languageMap", "vocab", "json", "valueList", "objectList", "unitCode"),
                    *("expiresAt", "objectType", "valueType", "scope", "ngsildproof", "dataset"),
                ]
            )
            | st.text(max_size=8),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
entities = st.fixed_dictionaries(
    {"id": st.just("urn:x:1") | json, "type": st.just("T") | json},
    optional={"a": json, "location": json, "scope": json, "expiresAt": json},
)
parameters = st.dictionaries(
    st.sampled_from(
        [
            *("type", "q", "attrs", "id", "idPattern", "limit", "offset", "count", "georel"),
            *("geometry", "coordinates", "options", "timerel", "timeAt", "lastN", "scopeQ"),
            *("pick", "omit", "lang", "datasetId", "join", "joinLevel", "orderBy", "orderFrom"),
            *("collation", "csf", "expandValues", "geoproperty", "geometryProperty", "format"),
            *("containedBy", "details", "local", "type", "keep", "drop", "deleteAll", "observedAt"),
        ]
    ),
    st.text(max_size=20)
    | st.text(alphabet='ab1T:;|()[]{}*=!<>~.," -', max_size=20)
    | st.sampled_from(["T", "*", "1", "true", "near;maxDistance==5", "Point", "[1,2]", "a{a}==1"])
    | st.sampled_from(["location;dist-asc", "a;desc", "inline", "flat", "keyValues", "/a/#"]),
    max_size=6,
)
paths = st.sampled_from(
    [
        *("/entities", "/entities/urn:x:1", "/entities/urn:x:1/attrs", "/entities/urn:x:1/attrs/a"),
        *(
            f"/entityOperations/{name}"
            for name in ("create", "upsert", "update", "merge", "delete")
        ),
        *("/temporal/entities", "/temporal/entities/urn:x:1"),
        *("/subscriptions", "/subscriptions/urn:y", "/types", "/types/T", "/attributes"),
        *("/entityOperations/query", "/attributes/a"),
    ]
)
methods = st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE"])
kinds = st.sampled_from(["application/json", "application/ld+json", "application/merge-patch+json"])


@contextlib.asynccontextmanager
async def town() -> AsyncIterator[httpx.AsyncClient]:
    broker = Broker(open_store("memory:", Path()), open_bus("memory:"), policy(()))
    async with outgoing.Client(outgoing.declared(outgoing.Settings())) as client:
        api = Api(broker, client)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = {"actor": OPEN, "why": Why("operations")}
            await api(scope, receive, send)

        transport = httpx.ASGITransport(app=app)  # raises what the application raises
        async with httpx.AsyncClient(transport=transport, base_url="http://t") as http:
            yield http
    await broker.store.close()


Try = tuple[str, str, str, dict[str, str], Any]
bodies = entities | json | st.lists(entities | json, max_size=3)
tries = st.lists(st.tuples(methods, paths, kinds, parameters, bodies), max_size=8)


@given(tries)
@FEW
def test_ngsi_ld_answers_everything(requests: list[Try]) -> None:
    asyncio.run(answered(requests))


async def answered(requests: list[Try]) -> None:
    async with town() as http:
        for method, path, kind, query, body in requests:
            answer = await http.request(
                method,
                f"/ngsi-ld/v1{path}",
                params=query,
                json=None if method in ("GET", "DELETE") else body,
                headers={"content-type": kind},
            )
            assert answer.status_code < 500 or answer.status_code == 504
            if answer.status_code >= 400 and answer.content:
                assert answer.json()["detail"]


@given(st.binary(max_size=200) | json.map(repr).map(str.encode))
@FEW
def test_the_gate_lets_nothing_else_pass(line: bytes) -> None:
    with contextlib.suppress(Invalid):
        said = observation.read(line)
        assert observation.read(observation.write(said)) == said


@given(st.text(max_size=200))
@FEW
def test_settings_are_understood_or_refused(text: str) -> None:
    with contextlib.suppress(Invalid):
        assert isinstance(parse(text, "townsquare.toml", Settings), Settings)


@pytest.mark.fuzz
def test_ngsi_ld_for_long() -> None:
    end = datetime.now(UTC) + LONG
    while datetime.now(UTC) < end:
        settings(FEW, max_examples=2000)(given(tries)(_once))()


def _once(requests: list[Try]) -> None:
    asyncio.run(answered(requests))
