"""Who acts, and why. Every read and every write carries both."""

from typing import Literal

from msgspec import Struct, structs

ActorKind = Literal["person", "room", "machine", "anyone"]


class Actor(Struct, frozen=True):
    """`room` names the room whose command acts for this actor; only rooms set it."""

    id: str  # "urn:ngsi-ld:Person:…", "room:vision", "machine:…", "anyone"
    kind: ActorKind
    organisation: str = ""
    roles: frozenset[str] = frozenset()
    room: str = ""

    def through(self, room: str) -> "Actor":
        """This actor, using a command of `room`."""
        return structs.replace(self, room=room)


class Why(Struct, frozen=True):
    """Purpose from the controlled list in `trust.policy`; `case` is the town's own file number."""

    purpose: str
    case: str = ""


ANYONE = Actor("anyone", "anyone", roles=frozenset({"citizen"}))


def room(name: str) -> Actor:
    return Actor(f"room:{name}", "room", roles=frozenset({"room"}), room=name)
