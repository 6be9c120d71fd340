"""From closed windows to what anyone can read, on every store."""

import asyncio
import csv
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from tests.conftest import OpenBroker
from tests.square import SQUARE
from townsquare.context.broker import Broker
from townsquare.context.query import Query
from townsquare.context.temporal import TemporalQuery
from townsquare.model.actor import ANYONE, Why, room
from townsquare.model.change import Change
from townsquare.model.declaration import LIVE, EntityType
from townsquare.model.entity import Attribute, Entity, Json, iso
from townsquare.model.town import Town
from townsquare.register import api, sample
from townsquare.register.publish import publish, run

NOON = datetime(2030, 6, 1, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=5)
WORK, PUBLIC = Why("operations"), Why("public information")
BERLIN = Town(timezone="Europe/Berlin")
COUNTED = {
    *("peopleCount", "peopleCountMax", "peopleCountTowards", "peopleCountAway"),
    *("name", "refDevice", "dateObservedFrom", "dateObservedTo", "coverage", "sample"),
}
KNOWN = {
    *("cameraName", "location", "purpose", "legalBasis", "owner", "reviewDate"),
    *("status", "statusSince", "trouble", "sample", "lines", "zones"),
}
TYPES = (
    EntityType(
        "CrowdFlowObserved",
        owner="vision",
        readers=frozenset({"operator", "engineer"}),
        published=frozenset(COUNTED),
    ),
    EntityType(
        "Camera",
        owner="vision",
        readers=frozenset({"operator", "engineer"}),
        published=frozenset(KNOWN),
        published_everywhere=True,
    ),
    EntityType(
        "CameraEvaluation",
        owner="vision",
        readers=frozenset({"operator", "engineer"}),
        published=frozenset({"refDevice", "dateEvaluated", "results"}),
        published_everywhere=True,
    ),
)
WEST, PLAZA = (
    "urn:ngsi-ld:CrowdFlowObserved:square-west",
    "urn:ngsi-ld:CrowdFlowObserved:square-plaza",
)


def of(id: str, type: str, values: dict[str, Json], at: datetime | None = None) -> Entity:
    return Entity(id, (type,), {n: (Attribute(v, observed_at=at),) for n, v in values.items()})


def camera() -> Entity:
    values = {
        "cameraName": SQUARE.title,
        "location": {"type": "Point", "coordinates": [13.5, 52.4]},
        "purpose": list(SQUARE.purposes),
        "legalBasis": SQUARE.legal_basis,
        "owner": SQUARE.owner,
        "reviewDate": "2031-03-01",
        "status": "working",
        "statusSince": iso(NOON),
        "lines": [{"name": "west", "towards": "to the west", "away": "to the east"}],
        "zones": [{"name": "plaza"}],
    }
    return of("urn:ngsi-ld:Camera:square", "Camera", values)


def window(id: str, until: datetime, coverage: float = 1.0, **values: float) -> Entity:
    times = {"dateObservedFrom": iso(until - WINDOW), "dateObservedTo": iso(until)}
    return of(id, "CrowdFlowObserved", {**times, **values, "coverage": coverage}, until)


def hour_of_windows(since: datetime) -> list[Entity]:
    ends = [since + WINDOW * n for n in range(1, 13)]
    return [
        made
        for end in ends
        for made in (
            window(WEST, end, peopleCountTowards=2, peopleCountAway=1),
            window(PLAZA, end, peopleCount=4.5, peopleCountMax=7),
        )
    ]


async def written(broker: Broker, entities: Sequence[Entity]) -> None:
    changes = [Change("merge", e, upsert=True) for e in entities]
    await broker.apply(changes, room("vision"), WORK)


async def public(broker: Broker) -> dict[str, tuple[Json, ...]]:
    """What anyone finds: id without prefix → both values and the coverage."""
    page = await broker.find(Query(types=("CrowdFlowObserved",), limit=1000), ANYONE, PUBLIC)
    names = ("peopleCountTowards", "peopleCountAway", "peopleCount", "peopleCountMax", "coverage")
    return {
        e.id.removeprefix("urn:ngsi-ld:CrowdFlowObserved:"): tuple(
            e.value(n) for n in names if e.value(n) is not None
        )
        for e in page.entities
    }


@pytest.fixture
def city(open_broker: OpenBroker, store_url: str) -> Broker:
    return open_broker(*TYPES, url=store_url)


def at(city: Broker, now: datetime) -> Broker:
    """The city at that time."""
    city.clock = lambda: now
    return city


async def test_an_hour_is_published_once_it_is_over(city: Broker) -> None:
    live = window(f"{WEST}-live", NOON, peopleCountTowards=1, peopleCountAway=1)
    live = Entity(live.id, live.types, live.attributes, scope=(LIVE,))
    await written(city, [camera(), live, *hour_of_windows(NOON)])
    assert await publish(at(city, NOON + timedelta(minutes=61))) == []
    assert len(await publish(at(city, NOON + timedelta(minutes=62)))) == 2
    assert await public(city) == {
        "square-west:2030-06-01T12Z": (24, 12, 1),
        "square-plaza:2030-06-01T12Z": (4.5, 7, 1),
    }


async def test_the_room_publishes_as_soon_as_it_runs(city: Broker) -> None:
    await written(city, [camera(), *hour_of_windows(NOON)])
    running = asyncio.create_task(run(at(city, NOON + timedelta(minutes=62))))
    published: dict[str, tuple[Json, ...]] = {}
    async with asyncio.timeout(60):
        while len(published) < 2:
            await asyncio.sleep(0.01)
            published = await public(city)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_a_cell_never_changes_again(city: Broker) -> None:
    await written(city, [camera(), *hour_of_windows(NOON)[:12]])
    await publish(at(city, NOON + timedelta(minutes=62)))
    before = await public(city)
    await written(city, hour_of_windows(NOON)[12:])
    assert await publish(at(city, NOON + timedelta(minutes=63))) == []
    assert await public(city) == before


async def test_hours_that_were_missed_are_made_up_for(city: Broker) -> None:
    for hour in (0, 2):
        await written(city, [camera(), *hour_of_windows(NOON + timedelta(hours=hour))])
    await publish(at(city, NOON + timedelta(hours=5)))
    west = [id for id in await public(city) if "west" in id]
    assert west == ["square-west:2030-06-01T12Z", "square-west:2030-06-01T14Z"]


@pytest.mark.parametrize("down", [timedelta(hours=30), timedelta(days=60)])
async def test_the_last_hour_before_a_long_stop_is_made_up_for(
    city: Broker, down: timedelta
) -> None:
    await written(city, [camera(), *hour_of_windows(NOON)])
    await publish(at(city, NOON + timedelta(minutes=62)))
    await written(city, hour_of_windows(NOON + timedelta(hours=1)))
    back = NOON + timedelta(hours=2) + down
    assert await publish(at(city, back)) == [
        "urn:ngsi-ld:CrowdFlowObserved:square-west:2030-06-01T13Z",
        "urn:ngsi-ld:CrowdFlowObserved:square-plaza:2030-06-01T13Z",
    ]
    assert await publish(at(city, back)) == []


async def test_hours_are_made_up_for_also_where_nothing_was_published_yet(city: Broker) -> None:
    await written(city, [camera(), *hour_of_windows(NOON)])
    assert len(await publish(at(city, NOON + timedelta(days=30)))) == 2


async def test_a_machine_that_slept_looks_back_as_far_as_it_slept(city: Broker) -> None:
    looked: dict[str, datetime] = {}
    await written(city, [camera()])
    assert await publish(at(city, NOON), looked) == []
    await written(city, hour_of_windows(NOON))
    assert len(await publish(at(city, NOON + timedelta(hours=30)), looked)) == 2


async def test_a_spot_that_counts_nothing_is_searched_once(city: Broker) -> None:
    """Its windows of long ago would have been found before."""
    looked: dict[str, datetime] = {}
    await written(city, [camera()])
    await publish(at(city, NOON + timedelta(hours=30)), looked)
    await written(city, hour_of_windows(NOON))
    assert await publish(at(city, NOON + timedelta(hours=30)), looked) == []


async def test_the_card_has_counts_gaps_and_answers(city: Broker) -> None:
    for hour in (0, 2):
        await written(city, [camera(), *hour_of_windows(NOON + timedelta(hours=hour))])
    now = NOON + timedelta(hours=3, minutes=2)
    await publish(at(city, now))
    (card,) = await api.cards(at(city, now), BERLIN)
    assert (card.name, card.status, len(card.questions)) == ("square", "working", 4)
    west, plaza = card.measures
    assert [(c.since.hour, c.values) for c in west.cells] == [
        (14, (24, 12)),
        (15, (None, None)),
        (16, (24, 12)),
    ]
    assert (plaza.title, plaza.columns) == ("Zone plaza", ("mean", "most at once"))
    assert plaza.cells[-1].values == (4.5, 7)
    assert str(card.next_cell_at) == "2030-06-01 18:01:30+02:00"


# --- samples


async def test_a_sample_never_stands_where_something_was_counted(city: Broker) -> None:
    await written(city, [camera(), *hour_of_windows(NOON), *hour_of_windows(NOON - WINDOW * 24)])
    await publish(at(city, NOON))  # the earlier hour; the later one is not over yet
    now = NOON + timedelta(minutes=61)
    made = await sample.fill(at(city, now), [SQUARE], BERLIN)
    assert len(made) == 2 * 22
    assert await sample.fill(at(city, now), [SQUARE], BERLIN) == []
    await publish(at(city, now + WINDOW))
    cells = await public(city)
    assert len(cells) == 2 * 24
    assert cells["square-west:2030-06-01T12Z"] == (24, 12, 1)
    assert cells["square-west:2030-06-01T10Z"] == (24, 12, 1)


async def test_samples_are_marked_and_always_the_same(
    open_broker: OpenBroker, store_url: str
) -> None:
    seen = []
    for _ in range(2):
        city = open_broker(*TYPES)
        await written(city, [camera()])
        await sample.fill(at(city, NOON), [SQUARE], BERLIN)
        (card,) = await api.cards(at(city, NOON + timedelta(minutes=2)), BERLIN)
        seen.append(card.measures)
    assert seen[0] == seen[1]
    west = seen[0][0].cells
    assert len(west) == 24
    assert all(cell.sample for cell in west)
    by_hour = {cell.since.hour: cell.values[0] or 0 for cell in west}
    assert by_hour[3] < by_hour[9] < by_hour[17]


async def test_sample_windows_are_the_last_hour_as_vision_would_write_it(city: Broker) -> None:
    made = sample.windows(SQUARE, NOON + timedelta(minutes=3))
    await written(city, made)
    past = await city.history(
        TemporalQuery(Query(types=("CrowdFlowObserved",), ids=(WEST,))), room("web"), WORK
    )
    ends = [a.observed_at for a in past[0].attributes["peopleCountTowards"]]
    assert ends == [NOON - WINDOW * back for back in range(11, -1, -1)]
    assert {a.value for a in past[0].attributes["sample"]} == {True}


# --- the file


async def counts_csv(city: Broker, now: datetime) -> httpx.Response:
    site = Starlette(routes=api.routes(at(city, now)))
    transport = httpx.ASGITransport(site)
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        return await client.get("/open-data/counts.csv")


async def test_the_file_has_the_published_cells_of_7_days(city: Broker) -> None:
    await written(city, [camera(), *hour_of_windows(NOON)])
    await publish(at(city, NOON + timedelta(hours=2)))
    answer = await counts_csv(city, NOON + timedelta(days=7))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *rows = csv.reader(answer.text.splitlines())
    assert tuple(header) == api.COLUMNS
    hour = ["2030-06-01T12:00:00Z", "2030-06-01T13:00:00Z", "1.0"]
    unknown = [""] * 5  # nobody measured how well it counts
    assert rows == [
        ["square", "west", "line", *hour, "24", "12", "", "", "false", *unknown],
        ["square", "plaza", "zone", *hour, "", "", "4.5", "7", "false", *unknown],
    ]
    later = await counts_csv(city, NOON + timedelta(days=7, hours=2))
    assert len(later.text.splitlines()) == 1


def test_the_columns_are_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "open-data.md").read_text()
    table = text.split("## Columns")[1].split("##")[0]
    assert tuple(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == api.COLUMNS
