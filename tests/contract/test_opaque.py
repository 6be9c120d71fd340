"""What instances in time are called tells nothing of how many there are."""

import re
import time
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import OpenBroker, client, visited
from townsquare.context import outgoing
from townsquare.context.api.app import Api
from townsquare.context.opaque import NONE, Opaque
from townsquare.store.past import INSTANCE, instance_id

NAMES = Opaque(bytes(range(16)))
METER = "urn:ngsi-ld:Meter:1"
WINDOW = "timerel=after&timeAt=2020-01-01T00:00:00Z"


@given(st.integers(0, 2**63 - 1))
def test_a_name_leads_back_to_its_number(number: int) -> None:
    told = NAMES.told(instance_id(number))
    assert told
    assert re.fullmatch(INSTANCE + "[0-9a-f]{32}", told)
    assert NAMES.meant(told) == instance_id(number)
    assert Opaque(bytes(16)).meant(told) == NONE, "of another town"


@pytest.mark.parametrize("id", ["urn:ngsi-ld:Instance:8ad40c1f-9995-408a-8651-51be67124a4d", None])
def test_what_others_call_theirs_is_told_as_it_is(id: str | None) -> None:
    assert NAMES.told(id) == id


@given(
    st.one_of(st.text(), st.from_regex(INSTANCE + "[0-9a-f]{16}([0-9a-f]{16})?", fullmatch=True))
)
def test_a_number_or_a_made_up_name_means_nothing(id: str) -> None:
    assert NAMES.meant(id) == NONE


def test_numbers_that_follow_each_other_have_names_that_do_not() -> None:
    names = [int(str(NAMES.told(instance_id(n))).removeprefix(INSTANCE), 16) for n in range(2000)]
    assert len(set(names)) == 2000
    assert 800 < sum(a < b for a, b in pairwise(names)) < 1200
    near = min(abs(a - b) for a, b in pairwise(sorted(names)))
    assert near > 2**64


def test_a_name_costs_a_few_microseconds() -> None:
    ids = [instance_id(n) for n in range(10_000)]
    start = time.perf_counter()
    for id in ids:
        NAMES.told(id)
    assert (time.perf_counter() - start) / len(ids) < 50e-6


async def named(http: httpx.AsyncClient, attribute: str = "level") -> list[str]:
    found = await http.get(f"/temporal/entities/{METER}?{WINDOW}")
    return [instance["instanceId"] for instance in found.json()[attribute]]


def part(minute: int, **more: object) -> dict[str, object]:
    at = f"2030-06-01T12:{minute:02}:00Z"
    return {"type": "Property", "value": minute, "observedAt": at, **more}


async def test_it_is_the_same_after_a_restart_and_corrects_and_erases(
    open_broker: OpenBroker, past_url: str
) -> None:
    async with outgoing.Client(outgoing.LOOPBACK_ONLY) as to_others:
        broker = open_broker(url=past_url)
        body = {"id": METER, "type": "Meter", "level": [part(1), part(2), part(3)]}
        async with client(visited(Api(broker, to_others))) as http:
            assert (await http.post("/temporal/entities", json=body)).status_code == 201
            before = await named(http)
        broker.naming = type(broker.naming)(broker.documents)
        async with client(visited(Api(broker, to_others))) as http:
            assert await named(http) == before
            assert len(set(before)) == 3
            path = f"/temporal/entities/{METER}/attrs/level"
            assert (await http.delete(f"{path}/{before[1]}")).status_code == 204
            assert await named(http) == [before[0], before[2]]
            corrected = {"level": [part(3, value=33)]}
            assert (await http.patch(f"{path}/{before[2]}", json=corrected)).status_code == 204
            assert await named(http) == [before[0], before[2]]


async def test_no_answer_has_a_number_in_it(http: httpx.AsyncClient) -> None:
    """Neither by being asked for another attribute nor by comparing."""
    body = {"id": METER, "type": "Meter", "level": [part(1)], "depth": [part(1)]}
    await http.post("/temporal/entities", json=body)
    (name,) = await named(http)
    missed = await http.delete(f"/temporal/entities/{METER}/attrs/depth/{name}")
    assert missed.status_code == 404
    assert INSTANCE not in missed.text
    numbers = instance_id(0), instance_id(2**63 - 1)
    for compared in (f'>"{numbers[0]}"', f'<"{numbers[1]}"', f'~="{INSTANCE}.*"', f'!="{name}"'):
        query = {"type": "Meter", "q": f"level.instanceId{compared}"}
        assert (await http.get("/entities", params=query)).json() == []
