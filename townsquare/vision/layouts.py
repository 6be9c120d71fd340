"""Which layout of each camera holds: the one in the settings, or one that an engineer drew.

Always holds: what is drawn is an entity that the log answers for, changed by its version only; one
that does not fit its camera any more is not taken, and the settings hold.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why, room
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, entity, relationship, urn
from townsquare.model.errors import Invalid, NotFound
from townsquare.model.mask import Size
from townsquare.vision.entities import CAMERA, LAYOUT
from townsquare.vision.layout import KINDS, Layout, laid_out

ROOM, OPERATIONS = room("vision"), Why("operations")
Holds = Literal["drawing", "settings"]
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Layouts:
    """`set` is how each camera was declared, `now` how it is laid out, for all who read it;
    `changed` names those that came, changed or went.
    """

    broker: Broker
    set: dict[str, Camera]
    now: dict[str, Camera] = field(default_factory=dict)
    changed: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.now |= self.set

    async def load(self) -> None:
        """What was drawn before."""
        page = await self.broker.find(Query((LAYOUT,), limit=MOST), ROOM, OPERATIONS)
        for kept in page.entities:
            name = kept.id.rsplit(":", 1)[1]
            if name in self.set:
                self.now[name] = self._held(name, kept)

    async def declare(self, camera: Camera) -> None:
        """Anew or for the first time. What was drawn on it holds, where it fits."""
        self.set[camera.name] = camera
        kept = await self.kept(camera.name)
        self._lay(camera.name, self._held(camera.name, kept) if kept else camera)

    def withdraw(self, name: str) -> None:
        if self.set.pop(name, None):
            self.now.pop(name, None)
            self.changed.put_nowait(name)

    async def kept(self, camera: str) -> Entity | None:
        try:
            return await self.broker.read(urn(LAYOUT, camera), ROOM, OPERATIONS)
        except NotFound:
            return None

    async def draw(
        self, camera: str, layout: Layout, drawn_on: Size, version: int, by: Actor
    ) -> None:
        """Raises Denied, Invalid, and Conflict where somebody else changed it since `version`."""
        anew = laid_out(self.set[camera], layout, drawn_on)
        values = {kind: Attribute(msgspec.to_builtins(getattr(layout, kind))) for kind in KINDS}
        await self._keep(camera, "drawing", version, by, drawnOn=Attribute([*drawn_on]), **values)
        self._lay(camera, anew)

    async def as_set(self, camera: str, version: int, by: Actor) -> None:
        """Back to the settings. Raises Denied or Conflict."""
        await self._keep(camera, "settings", version, by)
        self._lay(camera, self.set[camera])

    async def _keep(self, camera: str, holds: Holds, version: int, by: Actor, **drawn: Any) -> None:
        kept = entity(
            urn(LAYOUT, camera),
            LAYOUT,
            refDevice=relationship(urn(CAMERA, camera)),
            holds=Attribute(holds),
            changedBy=Attribute(by.id),
            **drawn,
        )
        change = Change("replace", kept, if_version=version) if version else Change("create", kept)
        await self.broker.apply([change], by.through("vision"), OPERATIONS)

    def _lay(self, camera: str, anew: Camera) -> None:
        self.now[camera] = anew
        self.changed.put_nowait(camera)

    def _held(self, name: str, kept: Entity) -> Camera:
        if kept.value("holds") != "drawing":
            return self.set[name]
        try:
            width, height = kept.value("drawnOn")
            return laid_out(self.set[name], _layout(kept), (width, height))
        except (Invalid, msgspec.ValidationError) as error:
            log.warning("camera %s: its settings hold, its drawing does not fit: %s", name, error)
            return self.set[name]


def _layout(kept: Entity) -> Layout:
    return msgspec.convert({kind: kept.value(kind) for kind in KINDS}, Layout)
