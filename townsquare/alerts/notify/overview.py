"""How calling people stands: who is on call, what a chain does, which ways work, what was sent.

Always holds: it is read with the rights of who asks, and holds no address.
"""

from collections.abc import Mapping
from datetime import datetime

from townsquare.alerts.alert import ALERT
from townsquare.alerts.notify.escalation import Chain, call
from townsquare.alerts.notify.health import way_id
from townsquare.alerts.notify.rotas import follow
from townsquare.alerts.notify.staff import OnCall, Staff
from townsquare.alerts.notify.types import CHANNEL, FAILED_IN_A_ROW, NOTIFICATION
from townsquare.alerts.notify.week import ahead
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import MOST, Order, Path, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Entity, Json, iso

MOST_RECENT = 50
MOST_WAITING = 100
WAITS = parse('state=="UNACK"')
NEWEST = (Order(Path("queuedAt"), descending=True),)
SENT = (
    "contact",
    "channel",
    "state",
    "tries",
    "answer",
    "queuedAt",
    "endedAt",
    "step",
    "rota",
    "test",
)


async def overview(broker: Broker, staff: Staff, by: Actor, why: Why) -> Json:
    now = broker.clock()
    await follow(broker, staff)
    ways = await broker.find(Query((CHANNEL,), limit=MOST), by, why)
    recent = Query((NOTIFICATION,), order=NEWEST, limit=MOST_RECENT)
    waiting = Query((ALERT,), q=WAITS, limit=MOST_WAITING)
    sent = (await broker.find(recent, by, why)).entities
    return {
        "at": iso(now),
        "rotas": [_rota(one) for one in staff.called(now)],
        "gaps": ahead(staff.rota, now),
        "chains": _chains(staff, now),
        "quiet": [
            {"severities": list(q.severities), "since": q.since, "until": q.until}
            for q in staff.settings.quiet
        ],
        "ways": _ways(staff, {one.id: one for one in ways.entities}),
        "sent": [await _call(broker, one, by, why) for one in sent],
        "waiting": [
            _waiting(staff, alarm, now)
            for alarm in (await broker.find(waiting, by, why)).entities
            if alarm.value("severity") in staff.escalation.chains
        ],
    }


def _rota(one: OnCall) -> Json:
    following = {"person": one.next, "since": iso(one.since)} if one.since else None
    return {"name": one.rota, "person": one.person or None, "next": following}


def _chains(staff: Staff, now: datetime) -> Json:
    """Severities that have the same chain share one."""
    shared: dict[Chain, list[str]] = {}
    for severity, chain in staff.escalation.chains.items():
        shared.setdefault(chain, []).append(severity)
    return [_chain(staff, chain, its, now) for chain, its in shared.items()]


def _chain(staff: Staff, chain: Chain, severities: list[str], now: datetime) -> Json:
    def person(post: str) -> str:
        contact = staff.whom(post, now)
        return contact.name if contact else ""

    steps = [
        {
            "after_s": step.after_s,
            "calls": [{"post": post, "person": person(post)} for post in step.rotations],
        }
        for step in chain.steps
    ]
    times = {"loops": chain.loops, "last_s": chain.last_s}
    return {"severities": severities, "steps": steps, **times}


def _ways(staff: Staff, kept: Mapping[str, Entity]) -> Json:
    found = []
    for contact, channel in staff.ways:
        known = kept.get(way_id(contact, channel.kind))
        failures = int((known.value("failures") if known else 0) or 0)
        found.append(
            {
                "contact": contact,
                "kind": channel.kind,
                "failures": failures,
                "failing": failures >= FAILED_IN_A_ROW,
                **{n: known.value(n) if known else None for n in ("answer", "sentAt", "failedAt")},
            }
        )
    return found


async def _call(broker: Broker, one: Entity, by: Actor, why: Why) -> Json:
    told = {name: one.value(name) for name in SENT}
    alarms = one.value("alarm") or []
    ids = tuple(alarms if isinstance(alarms, list | tuple) else [alarms])
    names: list[str] = []
    if ids:
        page = await broker.find(Query((ALERT,), ids=ids[:1]), by, why)
        names = [str(alarm.value("name") or alarm.id) for alarm in page.entities]
    return {"id": one.id, **told, "about": names[0] if names else "", "alarms": len(ids)}


def _waiting(staff: Staff, alarm: Entity, now: datetime) -> Json:
    wanted = call(alarm)
    plan = staff.escalation.plan(wanted, (), now)
    return {
        "id": alarm.id,
        "name": alarm.value("name"),
        "severity": alarm.value("severity"),
        "since": iso(wanted.since) if wanted else None,
        "next": iso(plan.next) if plan.next and not plan.unanswered else None,
        "unanswered": plan.unanswered,
    }
