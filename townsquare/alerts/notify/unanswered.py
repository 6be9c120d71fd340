"""Says on the alarm itself that its chain ran out and nobody has answered.

Always holds: it is written once for each time that an alarm waited, and never over what somebody
did meanwhile: then there was an answer.
"""

from datetime import datetime

from townsquare.alerts.alert import ALERT, UNANSWERED
from townsquare.alerts.notify.escalation import Call, call
from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, iso
from townsquare.model.errors import Conflict, NotFound


async def marked(broker: Broker, wanted: Call, at: datetime) -> bool:
    """False where it changed meanwhile and is to be looked at again."""
    try:
        alarm = await broker.read(wanted.alert, ROOM, WHY)
    except NotFound:
        return True
    if call(alarm) != wanted or alarm.value(UNANSWERED):
        return True
    told = Entity(alarm.id, (ALERT,), {UNANSWERED: (Attribute(iso(at)),)})
    try:
        await broker.apply([Change("merge", told, if_version=alarm.version)], ROOM, WHY)
    except Conflict:
        return False
    return True
