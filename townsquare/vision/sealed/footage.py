"""An hour of a camera's footage, and how recording goes, as entities. Pure.

Always holds: what is missing is told with why; the root is of the list as it lies on disk.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.trust.seal import listing
from townsquare.trust.seal.listing import Line
from townsquare.vision.entities import CAMERA
from townsquare.vision.sealed.hours import footage_id
from townsquare.vision.sealed.recorded import Lack, Lost, State
from townsquare.vision.sealed.types import FOOTAGE, STATE
from townsquare.vision.trouble import SENTENCES

Status = Literal["recording", "sealed", "destroyed"]
DISK = "Disk"  # the state of all together; no camera has a capital in its name
LACKS: dict[Lack, str] = {
    "camera": "the camera gave nothing",
    "off": "nothing recorded it",
    "disk full": "the disk has too little room",
    "disk": "the disk could not be written",
    "key": "there was no key of the hour",
    "damaged": "what was there was not whole",
}


class Gap(Struct, frozen=True):
    since: datetime
    until: datetime
    why: Lack

    @property
    def told(self) -> Json:
        return {"since": iso(self.since), "until": iso(self.until), "why": self.why}


class Span(Struct, frozen=True):
    """Of an hour, as much as was to be recorded so far."""

    camera: str
    hour: str
    since: datetime
    until: datetime


def gaps(lines: Iterable[Line], span: Span, heard: Sequence[Lost]) -> list[Gap]:
    """With the reason that fits most of each; "off" where nothing is known of it."""
    found = listing.gaps(lines, span.since, span.until)
    return [Gap(one.since, one.until, _why(one, heard)) for one in found]


def _why(gap: listing.Gap, heard: Sequence[Lost]) -> Lack:
    def shared(lost: Lost) -> timedelta:
        return min(lost.until, gap.until) - max(lost.since, gap.since)

    fits = [lost for lost in heard if shared(lost) > timedelta()]
    return max(fits, key=shared).why if fits else "off"


def hour(
    span: Span, lines: Sequence[Line], missing: Sequence[Gap], status: Status, **more: Json
) -> Change:
    """`more` are its terms and its key, which are written once."""
    told: dict[str, Json] = {
        "dateObservedFrom": iso(span.since),
        "dateObservedTo": iso(span.until),
        "segmentCount": len(lines),
        "listRoot": listing.root(lines),
        "gaps": [gap.told for gap in missing],
        "status": status,
        **more,
    }
    return merged(footage_id(span.camera, span.hour), span.camera, told)


def merged(id: str, camera: str, told: dict[str, Json]) -> Change:
    attributes = {name: (Attribute(value),) for name, value in told.items()}
    attributes["refCamera"] = (relationship(urn(CAMERA, camera)),)
    return Change("merge", Entity(id, (FOOTAGE,), attributes), upsert=True)


def span_of(kept: Entity, camera: str, hour: str) -> Span:
    since, until = (
        datetime.fromisoformat(kept.value(name)) for name in ("dateObservedFrom", "dateObservedTo")
    )
    return Span(camera, hour, since, until)


def lost_of(kept: Entity, camera: str) -> list[Lost]:
    """What was heard of gaps before a restart."""
    return [
        Lost(
            camera,
            datetime.fromisoformat(gap["since"]),
            datetime.fromisoformat(gap["until"]),
            gap["why"],
        )
        for gap in kept.value("gaps") or ()
    ]


def state(said: State, refused: str, at: datetime) -> Entity:
    """`refused` is why the camera may not be recorded at all."""
    lack = LACKS[said.lack] if said.lack else ""
    more = SENTENCES[said.trouble].format("its stream") if said.trouble else ""
    return entity(
        urn(STATE, said.camera),
        STATE,
        refCamera=relationship(urn(CAMERA, said.camera)),
        dependsOn=relationship(urn(STATE, DISK)),
        status=Attribute("recording" if said.recording and not refused else "failing"),
        sandbox=Attribute(said.sandbox),
        trouble=Attribute(refused or more or lack or "nothing is wrong"),
        since=Attribute(iso(at)),
    )


def disk(short: str, at: datetime) -> Entity:
    """`short` is why recording stopped for all; empty where it goes on."""
    return entity(
        urn(STATE, DISK),
        STATE,
        status=Attribute("stopped" if short else "recording"),
        stopped=Attribute(int(bool(short)), observed_at=at),
        trouble=Attribute(short or "nothing is wrong"),
        since=Attribute(iso(at)),
    )
