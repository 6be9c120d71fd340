"""Who acts, and why. Every read and every write carries both."""

from dataclasses import dataclass, replace
from typing import Literal

ActorKind = Literal["person", "room", "machine", "anyone"]


@dataclass(frozen=True, slots=True)
class Actor:
    """`room` names the room whose command acts for this actor; only rooms set it."""

    id: str  # "urn:ngsi-ld:Person:…", "room:vision", "machine:…", "anyone"
    kind: ActorKind
    organisation: str = ""
    roles: frozenset[str] = frozenset()
    room: str = ""

    def through(self, room: str) -> "Actor":
        """This actor, using a command of `room`."""
        return replace(self, room=room)


@dataclass(frozen=True, slots=True)
class Why:
    """Purpose from the controlled list in `trust.policy`; `case` is the town's own file number."""

    purpose: str
    case: str = ""


ANYONE = Actor("anyone", "anyone", roles=frozenset({"citizen"}))


def room(name: str) -> Actor:
    return Actor(f"room:{name}", "room", roles=frozenset({"room"}), room=name)
