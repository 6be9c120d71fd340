"""Leases of previews: who may see one of which camera, for what, and until when.

Always holds: each is an entry of the log, and so is each one that was refused to somebody of the
town; nobody gets one camera after the other along a path, unless somebody else agreed to that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Literal
from uuid import uuid4

from msgspec import structs

from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.ledger import Said
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, entity, iso, relationship, urn
from townsquare.model.errors import Denied, NotApproved
from townsquare.vision import following, permit
from townsquare.vision.entities import CAMERA, LEASE

ROOM, OPERATIONS = room("vision"), Why("operations")
PREVIEW = "preview"  # as an act that may need approval
LEASE_RUNS = timedelta(minutes=10)  # then the operator says anew what it is for
LONGEST_REFUSAL = 400  # characters
# Organisations that agreed to this act on this subject with this detail, by id of the approval.
Approved = Callable[[str, str, str, Mapping[str, Json], Actor], Awaitable[frozenset[str]]]


# Organisations whose people could agree to this act, if this actor asks for it.
Could = Callable[[str, Actor], frozenset[str]]


async def nobody_agreed(*_: object) -> frozenset[str]:
    return frozenset()


def nobody_could(*_: object) -> frozenset[str]:
    return frozenset()


def offered(broker: Broker, by: Actor, could: Could) -> Mapping[str, Literal["now", "approval"]]:
    """For which purposes this actor gets a preview of a camera that is there for them, at once or
    once others agree. A page offers these and no others.
    """
    asked = {p.name: Why(p.name) for p in broker.policy.purposes.purpose if p.cameras}
    now = {name for name, why in asked.items() if _may(broker, by, why)}
    agreed = {name for name, why in asked.items() if _may(broker, by, _if_agreed(why, by, could))}
    return {name: "now" if name in now else "approval" for name in asked if name in now | agreed}


def _if_agreed(why: Why, by: Actor, could: Could) -> Why:
    return structs.replace(why, approved_by=could(PREVIEW, by))


def _may(broker: Broker, by: Actor, why: Why) -> bool:
    return broker.grant(by.through("vision"), why, "write", LEASE).allowed


class Leases:
    def __init__(
        self,
        broker: Broker,
        cameras: Mapping[str, Camera],
        approved: Approved,
        could: Could = nobody_could,
    ) -> None:
        self.broker = broker
        self.cameras = cameras
        self.approved = approved
        self.could = could
        self._taking = asyncio.Lock()  # else who asks for several at once gets them all

    async def take(self, camera: Camera, why: Why, approval: str, by: Actor) -> Entity:
        """Raises Denied, which is kept."""
        async with self._taking:
            try:
                return await self._taken(camera, why, approval, by)
            except Denied as refusal:
                if by.kind != "anyone":
                    await self._note(camera, str(refusal), by)
                raise

    async def _taken(self, camera: Camera, why: Why, approval: str, by: Actor) -> Entity:
        now = self.broker.clock()
        if refusal := permit.refusal(camera, self.broker.policy.purposes, now.date()):
            raise Denied(f"camera {camera.name!r} shows nothing: {refusal}")
        if camera.counts_only:
            raise Denied(f"camera {camera.name!r} only counts: no picture of it is ever made")
        lease = leased(camera, why.purpose, by, now)
        if approval:
            asked = (approval, PREVIEW, urn(CAMERA, camera.name), {"purpose": why.purpose})
            why = structs.replace(why, approved_by=await self.approved(*asked, by))
        elif following.follows(camera, await self._looked_at(by, now)):
            refusal = (
                f"{following.MOST} neighbouring cameras in ten minutes are the most; to go on,"
                " somebody of another organisation must agree"
            )
            raise NotApproved(refusal) if self._curable(why, by) else Denied(refusal)
        grant = self.broker.grant(by.through("vision"), why, "write", LEASE)
        if not grant.allowed and not approval and self._curable(why, by):
            raise NotApproved(grant.reason)
        await self.broker.apply([Change("create", lease)], by.through("vision"), why)
        return lease

    def _curable(self, why: Why, by: Actor) -> bool:
        """Whether there is somebody whose approval would be enough."""
        could = bool(self.could(PREVIEW, by))
        return could and _may(self.broker, by, _if_agreed(why, by, self.could))

    async def _looked_at(self, by: Actor, now: datetime) -> list[Camera]:
        """Of whose previews this actor has leases that run."""
        asked = parse(f'actor=="{by.id}";validUntil>{iso(now)}')
        query = Query(types=(LEASE,), q=asked, limit=MOST)
        page = await self.broker.find(query, ROOM, OPERATIONS)
        names = {lease.value("refCamera").rsplit(":", 1)[1] for lease in page.entities}
        return [self.cameras[name] for name in names if name in self.cameras]

    async def _note(self, camera: Camera, refusal: str, by: Actor) -> None:
        said = Said(f"a preview was refused: {refusal}"[:LONGEST_REFUSAL])
        subject = urn(CAMERA, camera.name)
        await self.broker.ledger.note(subject, "consultation", by, OPERATIONS, said)


def leased(camera: Camera, purpose: str, by: Actor, now: datetime) -> Entity:
    """Raises Denied for a purpose that the camera does not stand there for."""
    if purpose not in camera.purposes:
        meant = " and ".join(map(repr, camera.purposes)) or "nothing"
        raise Denied(f"camera {camera.name!r} is there for {meant}, not for {purpose[:60]!r}")
    return entity(
        urn(LEASE, str(uuid4())),
        LEASE,
        refCamera=relationship(urn(CAMERA, camera.name)),
        actor=Attribute(by.id),
        purpose=Attribute(purpose),
        validUntil=Attribute(iso(now + LEASE_RUNS)),
    )


def until_of(lease: Entity) -> datetime:
    return datetime.fromisoformat(lease.value("validUntil"))


def require(lease: Entity | None, camera: Camera, by: Actor, now: datetime) -> str:
    """The purpose it is for. Raises Denied, with what to do."""
    again = "; ask for a preview anew"
    if lease is None or LEASE not in lease.types:
        raise Denied(f"a preview needs a lease{again}")
    if lease.value("refCamera") != urn(CAMERA, camera.name) or lease.value("actor") != by.id:
        raise Denied(f"this lease is for another camera or another person{again}")
    if until_of(lease) <= now:
        raise Denied(f"this lease ended at {lease.value('validUntil')}{again}")
    return str(lease.value("purpose"))
