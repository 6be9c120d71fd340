"""Where incidents are opened, worked on, merged and read.

Always holds: what is decided from an incident is kept only if nobody changed it meanwhile, else it
is looked at again; an alarm is linked to one open incident at most, since that stands on the alarm
too; only one that is opened again may find its alarm in another.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from townsquare.alerts.alert import ALERT
from townsquare.alerts.incidents import acts
from townsquare.alerts.incidents.acts import Act
from townsquare.alerts.incidents.incident import (
    GONE,
    INCIDENT,
    MOST_LINKS,
    PERSON,
    Doing,
    Facts,
    Incident,
    change,
    incident,
    linking,
    unlinking,
)
from townsquare.alerts.incidents.opening import Found, Opening, opened
from townsquare.alerts.incidents.states import ENDED
from townsquare.alerts.incidents.text import required
from townsquare.alerts.incidents.types import PROCEDURE
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, relationship, urn
from townsquare.model.errors import Conflict, Invalid, NotFound

Decide = Callable[[], Awaitable[Sequence[Change]]]
TRIES = 20  # an alarm that changes so often while it is looked at will do so again
CAMERA = "Camera"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever acts or looks, and why."""

    by: Actor
    why: Why

    def doing(self, at: datetime) -> Doing:
        return Doing(self.by.id, at)


def anybody(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Desk:
    """`works_here` tells whether this is an operator who may come in now."""

    broker: Broker
    works_here: Callable[[str], bool] = anybody

    # --- opening

    async def open(self, wish: Opening, who: Visitor) -> str:
        """Its id. Raises Conflict where an alarm is in another one, Denied, Invalid, NotFound."""
        if len(wish.alarms) > MOST_LINKS:
            raise Invalid(f"an incident has at most {MOST_LINKS} alarms")
        now = self.broker.clock()
        id = urn(INCIDENT, f"{now:%Y%m%d}-{secrets.token_hex(4)}")

        async def changes() -> list[Change]:
            alarms = [await self._free(one, who) for one in dict.fromkeys(wish.alarms)]
            found = Found(
                alarms,
                await self._cameras(alarms, who),
                await self._procedure(wish, alarms, who),
            )
            made = opened(id, wish, found, who.doing(now))
            return [made, *(into(alarm, id) for alarm in alarms)]

        await self._kept(changes, who)
        return id

    async def _free(self, id: str, who: Visitor) -> Entity:
        """An alarm that no open incident has. Raises Conflict, NotFound."""
        alarm = await self._of(id, ALERT, who)
        if other := alarm.value("incident"):
            with suppress(NotFound):
                holds = incident(await self.broker.read(str(other), who.by, who.why))
                if holds.state not in ENDED and id in holds.links["alarms"]:
                    named = alarm.value("name") or id
                    raise Conflict(f"Alarm {named} is in the incident {holds.title} ({holds.id})")
        return alarm

    async def _procedure(
        self, wish: Opening, alarms: Sequence[Entity], who: Visitor
    ) -> Entity | None:
        """The one that is wished, or the first that the rule of an alarm names. Raises NotFound for
        what is wished: a rule may be older than what there is.
        """
        if wish.procedure:
            return await self._of(wish.procedure, PROCEDURE, who)
        for named in (alarm.value("procedure") for alarm in alarms):
            with suppress(NotFound):
                if named:
                    return await self._of(str(named), PROCEDURE, who)
        return None

    async def _cameras(self, alarms: Sequence[Entity], who: Visitor) -> list[str]:
        """That raised them, or whose counts did."""
        found: dict[str, None] = {}
        for alarm in alarms:
            with suppress(NotFound):
                source = await self.broker.read(str(alarm.value("alertSource")), who.by, who.why)
                device = source.id if CAMERA in source.types else source.value("refDevice")
                if isinstance(device, str):
                    found[(await self._of(device, CAMERA, who)).id] = None
        return list(found)

    # --- working

    async def act(self, id: str, act: Act, who: Visitor) -> None:
        """Raises Conflict with who was first, Denied, Invalid, NotFound."""
        if isinstance(act, acts.Assign):
            self._require_operator(act.to)

        async def changes() -> list[Change]:
            now = await self._now(id, who, act.version)
            return [_decided(now, who.doing(self.broker.clock()), act.on)]

        await self._kept(changes, who)

    async def link(self, id: str, target: str, who: Visitor) -> None:
        """An alarm, a camera, somebody on duty or anything else that is known."""
        if target.startswith(PERSON):
            await self._link_person(id, target, who)
            return

        async def changes() -> list[Change]:
            now = await self._now(id, who)
            _require_open(now)
            thing = await self.broker.read(target, who.by, who.why)
            if {INCIDENT, PROCEDURE} & set(thing.types):
                raise Invalid(f"{target} cannot be linked; incidents are merged")
            alarm = ALERT in thing.types
            kind = "alarms" if alarm else "cameras" if CAMERA in thing.types else "assets"
            if target in now.links[kind]:
                raise Conflict(f"{target} is linked to it already")
            moved = [into(await self._free(target, who), id)] if alarm else []
            do = who.doing(self.broker.clock())
            return [change(now, linking(now, do, {kind: (target,)})), *moved]

        await self._kept(changes, who)

    async def _link_person(self, id: str, person: str, who: Visitor) -> None:
        self._require_operator(person)

        async def changes() -> list[Change]:
            now = await self._now(id, who)
            _require_open(now)
            if person in now.links["people"]:
                raise Conflict(f"{person} is linked to it already")
            do = who.doing(self.broker.clock())
            return [change(now, linking(now, do, {"people": (person,)}))]

        await self._kept(changes, who)

    def _require_operator(self, id: str) -> None:
        """Raises Invalid."""
        acts.require_person(id)
        if not self.works_here(id):
            raise Invalid(f"{id} is no operator with an account who may come in now")

    async def unlink(self, id: str, target: str, reason: str, who: Visitor) -> None:
        async def changes() -> list[Change]:
            now = await self._now(id, who)
            _require_open(now)
            do = who.doing(self.broker.clock())
            facts = unlinking(now, do, target, required(reason, "why it does not belong to it"))
            freed = [await self._left(target, id, who)] if target in now.links["alarms"] else []
            return [change(now, facts), *(one for one in freed if one)]

        await self._kept(changes, who)

    async def merge(self, id: str, into_id: str, reason: str, who: Visitor) -> None:
        """This one goes on in the other, with everything that is linked to it."""
        if id == into_id:
            raise Invalid("an incident cannot be merged into itself")

        async def changes() -> list[Change]:
            ends, stays = await self._now(id, who), await self._now(into_id, who)
            do = who.doing(self.broker.clock())
            gave = _decided(ends, do, lambda now, do: acts.given_up(now, do, into_id, reason))
            took = {**acts.taken_over(stays, do, ends), **linking(stays, do, ends.links)}
            moved = [await self._of(one, ALERT, who) for one in ends.links["alarms"]]
            return [gave, change(stays, took), *(into(alarm, into_id) for alarm in moved)]

        await self._kept(changes, who)

    # --- inside

    async def _of(self, id: str, type: str, who: Visitor) -> Entity:
        """Raises NotFound."""
        found = await self.broker.read(id, who.by, who.why)
        if type not in found.types:
            raise NotFound(f"{id} is no {type}")
        return found

    async def _now(self, id: str, who: Visitor, version: int | None = None) -> Incident:
        """Raises NotFound, and Conflict where it is another version than was seen."""
        found = await self._of(id, INCIDENT, who)
        now = incident(found)
        if version not in (None, now.version):
            raise Conflict(f"Incident {now.title} was changed meanwhile; look again ({now.said})")
        return now

    async def _left(self, alarm: str, id: str, who: Visitor) -> Change | None:
        present = await self._of(alarm, ALERT, who)
        if present.value("incident") != id:
            return None
        return _marked(present, GONE)

    async def _kept(self, changes: Decide, who: Visitor) -> None:
        """Decided anew as often as something changed meanwhile. Raises Conflict."""
        for _ in range(TRIES):
            decided = await changes()
            with suppress(Conflict):
                await self.broker.apply(decided, who.by, who.why)
                return
        raise Conflict("it changes faster than it can be looked at; try again")


def into(alarm: Entity, id: str) -> Change:
    return _marked(alarm, relationship(id))


def _marked(alarm: Entity, incident: Attribute) -> Change:
    marked = Entity(alarm.id, (ALERT,), {"incident": (incident,)})
    return Change("update", marked, if_version=alarm.version)


def _decided(now: Incident, do: Doing, decide: Callable[[Incident, Doing], Facts]) -> Change:
    """Raises Conflict that says which one, and who brought it where it is."""
    try:
        return change(now, decide(now, do))
    except Conflict as refused:
        raise Conflict(f"Incident {now.title}: {refused} ({now.said})") from refused


def _require_open(now: Incident) -> None:
    if now.state in ENDED:
        raise Conflict(f"Incident {now.title}: it is {now.state} and stays as it is ({now.said})")
