"""Organisations whose people come in, and until when. Pure."""

import hashlib
import unicodedata
from datetime import datetime

from townsquare.model.change import Change
from townsquare.model.entity import NULL, Attribute, Entity, iso, urn

ORGANISATION = "Organisation"


def folded(name: str) -> str:
    """The same for all spellings of one name: else "police" would agree to what "Police" asks."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def change(name: str, until: datetime | None) -> Change:
    """Without `until` there is no end to its task."""
    id = urn(ORGANISATION, hashlib.sha256(name.encode()).hexdigest()[:32])
    attributes = {
        "name": (Attribute(name),),
        "validUntil": (Attribute(iso(until) if until else NULL),),
    }
    return Change("merge", Entity(id, (ORGANISATION,), attributes), upsert=True)
