"""Sends what was decided: tries, waits, tries again, gives up, and keeps what became of it.

Always holds: a call is written as queued before it is sent, and what became of it after; so one
that was cut off by a stop is sent again, with the same id, and none is lost.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from townsquare.alerts.alert import ALERT
from townsquare.alerts.notify import message, notification
from townsquare.alerts.notify.courier import Courier, Outcome
from townsquare.alerts.notify.health import Health
from townsquare.alerts.notify.message import Message
from townsquare.alerts.notify.notification import Calling, State
from townsquare.alerts.notify.staff import Staff
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.entity import Entity

WAITS_S = (5.0, 15.0, 45.0, 120.0, 300.0)  # between tries; after the last it is given up
AT_ONCE = 32
Wanted = Callable[[Calling], bool]
GONE = Outcome(False, "this way is not in the settings any more")
ANSWERED = "somebody had answered before it was sent"


class Delivery:
    def __init__(
        self,
        broker: Broker,
        staff: Staff,
        courier: Courier,
        health: Health,
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        self._broker = broker
        self._staff = staff
        self._courier = courier
        self._health = health
        self._waits_s = waits_s
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def deliver(self, one: Calling, wanted: Wanted) -> None:
        """Until it is sent or given up. `wanted`: whether an alarm of it still waits."""
        while one.state in notification.UNDER_WAY:
            async with self._slots:
                # Not before: whoever waits for its turn may have been answered meanwhile.
                outcome = await self._tell(one) if wanted(one) else None
            if outcome is None:
                await self._keep(one, "givenUp", ANSWERED)
                return
            one = replace(one, tries=one.tries + 1, state=self._state(one, outcome))
            await self._keep(one, one.state, outcome.answer, outcome)
            if one.state == "failed":
                await asyncio.sleep(self._waits_s[one.tries - 1])

    def _state(self, one: Calling, outcome: Outcome) -> State:
        if outcome.sent:
            return "sent"
        return "failed" if outcome.again and one.tries < len(self._waits_s) else "givenUp"

    async def _tell(self, one: Calling) -> Outcome:
        channel = self._staff.way(one.contact, one.channel)
        if channel is None:
            return GONE
        return await self._courier.tell(await self._message(one), one.contact, channel)

    async def _message(self, one: Calling) -> Message:
        """As the alarms are now."""
        at = one.queued_at or self._broker.clock()
        found: list[Entity] = []
        if one.alarms:
            query = Query((ALERT,), ids=one.alarms, limit=MOST)
            found = (await self._broker.find(query, ROOM, WHY)).entities
        told, more = message.chosen([message.told(alarm) for alarm in found])
        return Message(one.id, self._staff.town, self._staff.link, at, told, more, one.step)

    async def _keep(
        self, one: Calling, state: State, answer: str, outcome: Outcome | None = None
    ) -> None:
        at = self._broker.clock()
        changes = [notification.became(one, state, answer, at)]
        if outcome is not None and outcome is not GONE:
            changes.append(self._health.after(one.contact, one.channel, outcome, at))
        await self._broker.apply(changes, ROOM, WHY)
