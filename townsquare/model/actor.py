"""Who acts, and why. Every read and every write carries both."""

from datetime import datetime
from typing import Literal

from msgspec import Struct, structs

ActorKind = Literal["person", "room", "machine", "anyone"]


class Actor(Struct, frozen=True):
    """`room` names the room whose command acts for this actor; only rooms set it.

    `areas` are NGSI-LD scopes such as /north that a policy may keep this actor to; none: all of
    the town. `until` is when its organisation's task ends.
    """

    id: str  # "urn:ngsi-ld:Person:…", "room:vision", "machine:…", "anyone"
    kind: ActorKind
    organisation: str = ""
    roles: frozenset[str] = frozenset()
    room: str = ""
    areas: frozenset[str] = frozenset()
    until: datetime | None = None

    def through(self, room: str) -> "Actor":
        """This actor, using a command of `room`."""
        return structs.replace(self, room=room)


class Why(Struct, frozen=True):
    """Purpose from the town's list (`trust.purposes`); `case` is the town's own file number.

    `approved_by` are organisations whose approval of exactly this act was verified: nothing that a
    request says about itself gets there.
    """

    purpose: str
    case: str = ""
    approved_by: frozenset[str] = frozenset()


ANYONE = Actor("anyone", "anyone", roles=frozenset({"citizen"}))


def room(name: str) -> Actor:
    return Actor(f"room:{name}", "room", roles=frozenset({"room"}), room=name)
