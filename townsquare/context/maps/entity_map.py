"""What a query found, and where (clauses 4.5.25, 5.2.39 and 5.5.14). Pure.

A map belongs to who asked; to everybody else it is as good as not there.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import unquote
from uuid import uuid4

import msgspec
from msgspec import Struct

from townsquare.context.aggregate import read_duration
from townsquare.context.http import address
from townsquare.context.query import Query
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid, TooManyResults

TYPE = "EntityMap"
HERE = "@none"  # in the place of a registration: this broker has it
MOST = 10_000  # entities of a map, some 60 bytes each
USUAL = timedelta(minutes=10)
LONGEST = timedelta(days=1)
Places = Mapping[str, tuple[str, ...]]  # by id of the entity: HERE, and registrations


class EntityMap(Struct, frozen=True, omit_defaults=True):
    """`asked` tells the question apart from others; `linked` are maps that sources made for us."""

    id: str
    tenant: str
    by: Actor
    expires_at: datetime
    entities: Places
    linked: Mapping[str, str] = {}
    asked: str = ""

    @property
    def location(self) -> str:
        return address("entityMaps", self.id)

    def without(self, ids: Collection[str]) -> "EntityMap":
        left = {id: places for id, places in self.entities.items() if id not in ids}
        return msgspec.structs.replace(self, entities=left)

    def json(self) -> dict[str, Json]:
        told = {
            "id": self.id,
            "type": TYPE,
            "expiresAt": self.expires_at,
            "entityMap": {id: list(places) for id, places in self.entities.items()},
        }
        return told | ({"linkedMaps": dict(self.linked)} if self.linked else {})


def fresh_id() -> str:
    return f"urn:ngsi-ld:{TYPE}:{uuid4()}"


def named(location: str) -> str:
    """The id that the header NGSILD-EntityMap means: it may be the address, or the id alone."""
    return unquote(location.rsplit("/", 1)[-1]).strip()


def lifetime(text: str) -> timedelta:
    """What is suggested (table 6.4.3.2-1), as far as we go along with it. Raises Invalid."""
    if not text:
        return USUAL
    given = read_duration(text, "entityMapLifetime")
    if not given:
        raise Invalid("entityMapLifetime must be longer than nothing")
    return min(given.mean(), LONGEST)


def question(query: Query, why: Why, *also: object) -> str:
    """Of two pages of the same question it is the same, whatever words it was asked in."""
    asked = replace(query, ids=(), order=(), limit=1, offset=0, count=False)
    said = msgspec.json.encode((asked, why.purpose, also), order="deterministic")
    return hashlib.sha256(said).hexdigest()


def bounded(entities: Places) -> Places:
    """Raises TooManyResults."""
    if len(entities) > MOST:
        raise TooManyResults(f"a map has at most {MOST} entities; ask for less of them")
    return entities
