"""What anyone can read: the cards of the cameras, and the published counts as a file.

Always holds: it is read as anyone, whoever asks, so nothing but what is public can be in it.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Order, Path, Query
from townsquare.model import sheet
from townsquare.model.actor import ANYONE, Why
from townsquare.model.entity import Entity, iso
from townsquare.model.town import Town
from townsquare.register.cameras import Card, Measure, Recorded, card, measure
from townsquare.register.cells import FLOW, Cell, Spot, due, from_entity, spots
from townsquare.register.evaluated import EVALUATION, Evaluated, evaluated

PUBLIC = Why("public information")
HOURS_SHOWN = 24
EVALUATIONS_SHOWN = 5
LATEST = (Order(Path("dateEvaluated"), descending=True),)
HOURS_IN_FILE = 7 * 24
TERMS = "RecordingTerms"
COLUMNS = (
    "camera",
    "name",
    "kind",
    "since",
    "until",
    "coverage",
    "towards",
    "away",
    "mean",
    "most",
    "sample",
    "towards_low",
    "towards_high",
    "away_low",
    "away_high",
    "evaluated",
)
HEADERS = {
    "content-disposition": 'attachment; filename="counts.csv"',
    "cache-control": "public, max-age=60",
}


def routes(broker: Broker) -> list[Route]:
    async def counts(_: Request) -> Response:
        return StreamingResponse(written(broker), 200, HEADERS, "text/csv; charset=utf-8")

    return [Route("/open-data/counts.csv", counts)]


async def cards(broker: Broker, town: Town) -> list[Card]:
    now, recorded = broker.clock(), await _recorded(broker)
    found = []
    for camera in await _cameras(broker):
        measures = [await _measure(broker, spot, town, now) for spot in spots(camera)]
        made = card(camera, measures, broker.policy, town, now, recorded)
        found.append(replace(made, evaluations=await _evaluations(broker, camera)))
    return found


async def _recorded(broker: Broker) -> Recorded | None:
    """The terms in force, where the town records."""
    if TERMS not in broker.policy.types:
        return None
    query = Query((TERMS,), q=parse('status=="in force"'), limit=1)
    found = (await broker.find(query, ANYONE, PUBLIC)).entities
    if not found:
        return None
    organisations = tuple(one["organisation"] for one in found[0].value("custodians"))
    return Recorded(int(found[0].value("keepHours")), organisations)


async def _evaluations(broker: Broker, camera: Entity) -> tuple[Evaluated, ...]:
    """The newest of its hand counts, newest first."""
    asked = parse(f'refDevice=="{camera.id}"')
    query = Query((EVALUATION,), q=asked, order=LATEST, limit=EVALUATIONS_SHOWN)
    return tuple(map(evaluated, (await broker.find(query, ANYONE, PUBLIC)).entities))


async def _measure(broker: Broker, spot: Spot, town: Town, now: datetime) -> Measure:
    hours = due(now, HOURS_SHOWN)
    return measure(spot, await _published(broker, spot, hours), hours, town)


async def _cameras(broker: Broker) -> list[Entity]:
    return (await broker.find(Query(types=("Camera",), limit=MOST), ANYONE, PUBLIC)).entities


async def _published(broker: Broker, spot: Spot, hours: Sequence[datetime]) -> list[Cell]:
    """By id, so that it takes as long in the tenth year as on the first day."""
    ids = tuple(spot.cell(hour) for hour in hours)
    page = await broker.find(Query(types=(FLOW,), ids=ids, limit=len(ids)), ANYONE, PUBLIC)
    return sorted((from_entity(spot, e) for e in page.entities), key=lambda cell: cell.since)


async def written(broker: Broker) -> AsyncIterator[str]:
    hours = due(broker.clock(), HOURS_IN_FILE)
    yield sheet.written([COLUMNS])
    for camera in await _cameras(broker):
        for spot in spots(camera):
            cells = await _published(broker, spot, hours)
            yield sheet.written([row(spot, cell) for cell in cells])


def row(spot: Spot, cell: Cell) -> tuple[object, ...]:
    """In the order of COLUMNS; what the kind does not count stays empty."""
    values = (*cell.values, "", "") if spot.kind == "line" else ("", "", *cell.values)
    sample = "true" if cell.sample else "false"
    times = (iso(cell.since), iso(cell.until))
    bounds = [end for b in cell.bounds for end in ((b.low, b.high) if b else ("", ""))]
    counted = (*times, cell.coverage, *values, sample)
    return (spot.camera, spot.name, spot.kind, *counted, *bounds, cell.evaluated)
