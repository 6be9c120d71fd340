"""Incidents as they are told: lists of them, and one with its steps and its story."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from townsquare.alerts.alert import ALERT
from townsquare.alerts.incidents import procedure, timeline
from townsquare.alerts.incidents.desk import Visitor
from townsquare.alerts.incidents.incident import INCIDENT, Incident, incident
from townsquare.alerts.incidents.states import ENDED, NEXT
from townsquare.alerts.incidents.types import PROCEDURE
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Order, Path, Query
from townsquare.context.temporal import TemporalQuery, Window
from townsquare.model.entity import Entity, Json
from townsquare.model.errors import Invalid, NotFound

MOST_ENTRIES = 5_000
MOST_LISTED = 500
OPEN = parse(";".join(f'state!="{state}"' for state in sorted(ENDED)))
OVER = parse("state==" + ",".join(f'"{state}"' for state in sorted(ENDED)))
WHICH = {"open": OPEN, "ended": OVER, "all": None}
NEWEST = (Order(Path("openedAt"), descending=True),)
SHORT = (
    "name",
    "severity",
    "state",
    "owner",
    "origin",
    "place",
    "openedAt",
    "alarms",
    "mergedInto",
)
WHOLE = (
    *SHORT,
    "report",
    "location",
    "begunAt",
    "cameras",
    "assets",
    "people",
    "merged",
    "procedure",
    "cause",
)


async def listed(broker: Broker, which: str, who: Visitor) -> Json:
    """Newest first. Raises Invalid."""
    if which not in WHICH:
        raise Invalid(f"state {which[:80]!r} is none of: {', '.join(WHICH)}")
    query = Query((INCIDENT,), q=WHICH[which], order=NEWEST, limit=MOST_LISTED)
    page = await broker.find(query, who.by, who.why)
    return {"incidents": [told(one, SHORT) for one in page.entities], "more": page.more}


async def procedures(broker: Broker, who: Visitor) -> Json:
    page = await broker.find(Query((PROCEDURE,), limit=MOST), who.by, who.why)
    return {"procedures": [told(one, ("name", "steps")) for one in page.entities]}


async def one(broker: Broker, id: str, who: Visitor) -> Json:
    """Raises NotFound."""
    found = await broker.read(id, who.by, who.why)
    if INCIDENT not in found.types:
        raise NotFound(f"{id} is no incident")
    now = incident(found)
    entries, earlier = await story(broker, found, now, who)
    return {
        **told(found, WHOLE),
        "steps": steps(now),
        "skipped": skipped(now),
        "can": sorted(event for state, event in NEXT if state == now.state),
        "timeline": msgspec.to_builtins(entries),
        "earlier": earlier,
    }


def told(found: Entity, names: Sequence[str]) -> dict[str, Json]:
    values = {name: value for name in names if (value := found.value(name)) is not None}
    return {"id": found.id, "version": found.version, **values}


def steps(now: Incident) -> list[Mapping[str, Json]]:
    """In their order; `due` is the one that is next."""
    due = procedure.due(now.steps, now.answers)
    return [
        {
            **msgspec.to_builtins(step),
            "answers": list(step.answers),
            "answer": now.answers.get(step.id, ""),
            "by": now.answerers.get(step.id, ""),
            "due": step is due,
        }
        for step in now.steps
    ]


def skipped(now: Incident) -> list[str]:
    """Texts of mandatory steps that were not taken, of which a supervisor is told."""
    return [
        step.text
        for step in now.steps
        if step.mandatory and now.answers.get(step.id) == procedure.SKIPPED
    ]


async def story(
    broker: Broker, found: Entity, now: Incident, who: Visitor
) -> tuple[list[timeline.Entry], bool]:
    """Of what was merged into it too; and whether there is more, earlier."""
    own = Query((INCIDENT,), ids=(now.id, *now.merged), limit=1 + len(now.merged))
    asked = [TemporalQuery(own, timeline.TOLD, last=MOST_ENTRIES, most=MOST_ENTRIES)]
    if alarms := now.links["alarms"]:
        theirs = Query((ALERT,), ids=alarms, limit=len(alarms))
        window = Window(since=_begun(found), until=_ended(found))
        asked.append(
            TemporalQuery(theirs, ("state",), window=window, last=MOST_ENTRIES, most=MOST_ENTRIES)
        )
    past = [await broker.chronicle.evolution(ask, who.by, who.why) for ask in asked]
    entities = [entity for part in past for entity in part.entities]
    return timeline.timeline(entities), any(part.part for part in past)


def _begun(found: Entity) -> datetime:
    return datetime.fromisoformat(str(found.value("begunAt")))


def _ended(found: Entity) -> datetime | None:
    """What its alarms do afterwards is not its business any more."""
    state = found.get("state")
    return state.observed_at if state and state.value in ENDED else None
