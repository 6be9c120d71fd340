"""Cameras that were declared in the running town, beside those of the settings.

Always holds: each change is an entry of the log with who made it, and is made of the version that
they looked at; a camera is live only where nothing is missing that it must say; the login of one
that was taken away is destroyed.
"""

import logging
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor, Why
from townsquare.model.camera import Camera, require_name
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, Entity, Json, entity, urn
from townsquare.model.errors import Conflict, Invalid, NotFound
from townsquare.trust import secret
from townsquare.trust.policy import require
from townsquare.vision import permit
from townsquare.vision.joining import declared as declarations
from townsquare.vision.joining.types import REGISTRATION
from townsquare.vision.layouts import Layouts
from townsquare.vision.watching import OPERATIONS, ROOM

State = Literal["draft", "live", "removed"]
MOST_CAMERAS = 1000  # that are not removed
Text = Annotated[str, Meta(min_length=1, max_length=200)]
log = logging.getLogger(__name__)


class Login(Struct, frozen=True, forbid_unknown_fields=True):
    """For this camera. Never shown again."""

    user: Text
    password: Annotated[str, Meta(max_length=200)] = ""

    def __post_init__(self) -> None:
        if ":" in self.user or any(not c.isprintable() for c in self.user + self.password):
            raise ValueError("user has a colon, or one of both a sign that cannot be typed")

    @property
    def secret(self) -> str:
        return f"{self.user}:{self.password}"


@dataclass(slots=True)
class Registrations:
    """`settings` are the names of cameras in townsquare.toml."""

    broker: Broker
    layouts: Layouts
    settings: Set[str]
    data: Path
    kept: dict[str, Entity] = field(default_factory=dict)

    async def load(self) -> None:
        """Those that were live are watched again."""
        query = Query((REGISTRATION,), limit=MOST)
        for one in (await self.broker.find(query, ROOM, OPERATIONS)).entities:
            name = name_of(one)
            self.kept[name] = one
            if state(one) != "live":
                continue
            if name in self.settings:
                log.warning("camera %s: townsquare.toml has one of this name, which holds", name)
                continue
            try:
                self.layouts.set[name] = self.layouts.now[name] = self.camera(one)
            except Invalid as error:
                log.warning("camera %s is not watched: %s", name, error)

    def camera(self, kept: Entity) -> Camera:
        """Raises Invalid where an earlier version took what this one does not."""
        name, told = name_of(kept), kept.value("declared")
        login = f"secret:{secret_name(name)}" if kept.value("hasLogin") else ""
        return declarations.camera(name, told if isinstance(told, dict) else {}, login)

    def lacks(self, kept: Entity) -> list[str]:
        """What it must say before it goes live."""
        today = self.broker.clock().date()
        return permit.lacks(self.camera(kept), self.broker.policy.purposes, today)

    def of(self, name: str) -> Entity:
        """Raises NotFound."""
        if name not in self.kept:
            raise NotFound(f"no camera {name[:60]!r} was declared here")
        return self.kept[name]

    def require(self, by: Actor, why: Why) -> None:
        """Raises Denied for who may not declare cameras."""
        require(self.broker.grant(by.through("vision"), why, "write", REGISTRATION))

    def wrong(self, name: str, declared: Mapping[str, Json], *, live: bool = False) -> str:
        """Empty where it can be declared so, as a new one, and go live."""
        try:
            require_name("camera", name)
            camera = declarations.camera(name, declared)
            if live:
                self._require_complete(camera)
        except Invalid as error:
            return str(error)
        if name in self.settings:
            return f"camera {name!r} stands in townsquare.toml; take another name"
        if name in self.kept and state(self.kept[name]) != "removed":
            return f"camera {name!r} is declared already; change that one, or take another name"
        return ""

    async def draft(
        self, name: str, declared: Mapping[str, Json], login: Login | None, by: Actor, why: Why
    ) -> Entity:
        """Raises Denied or Invalid."""
        self.require(by, why)
        if wrong := self.wrong(name, declared):
            raise Invalid(wrong)
        if sum(state(one) != "removed" for one in self.kept.values()) >= MOST_CAMERAS:
            raise Invalid(f"a town has {MOST_CAMERAS} declared cameras at most")
        before = self.kept.get(name)
        version = before.version if before else 0
        kept = await self._write(name, "draft", declared, login is not None, version, by, why)
        self._keep_login(name, login)
        return kept

    async def change(
        self,
        name: str,
        declared: Mapping[str, Json],
        login: Login | None,
        version: int,
        by: Actor,
        why: Why,
    ) -> Entity:
        """One that is live is watched so at once. Raises Conflict, Denied, Invalid or NotFound."""
        before = self._current(name, version, by, why)
        camera = declarations.camera(name, declared)
        if state(before) == "live":
            self._require_complete(camera)
        has_login = login is not None or before.value("hasLogin") is True
        kept = await self._write(name, state(before), declared, has_login, version, by, why)
        self._keep_login(name, login)
        if state(kept) == "live":
            await self.layouts.declare(self.camera(kept))
        return kept

    async def live(self, name: str, version: int, by: Actor, why: Why) -> Entity:
        """Raises Conflict, Denied, Invalid or NotFound."""
        before = self._current(name, version, by, why)
        self._require_complete(self.camera(before))
        has_login = before.value("hasLogin") is True
        kept = await self._write(name, "live", told(before), has_login, version, by, why)
        await self.layouts.declare(self.camera(kept))
        return kept

    async def remove(self, name: str, version: int, because: str, by: Actor, why: Why) -> Entity:
        """Raises Conflict, Denied or NotFound."""
        before = self._current(name, version, by, why)
        kept = await self._write(name, "removed", told(before), False, version, by, why, because)
        self.layouts.withdraw(name)
        self._secret(name).unlink(missing_ok=True)
        return kept

    def _current(self, name: str, version: int, by: Actor, why: Why) -> Entity:
        self.require(by, why)
        before = self.of(name)
        if state(before) == "removed":
            raise Invalid(f"camera {name!r} was taken away; declare it anew")
        if before.version != version:
            raise Conflict(f"camera {name!r} was changed since you looked; look again")
        return before

    def _require_complete(self, camera: Camera) -> None:
        today = self.broker.clock().date()
        if refusal := permit.refusal(camera, self.broker.policy.purposes, today):
            raise Invalid(refusal)

    async def _write(  # noqa: PLR0913 - what an entity of it says
        self,
        name: str,
        state: State,
        declared: Mapping[str, Json],
        has_login: bool,
        version: int,
        by: Actor,
        why: Why,
        because: str = "",
    ) -> Entity:
        made = entity(
            urn(REGISTRATION, name),
            REGISTRATION,
            cameraName=Attribute(declared.get("title") or name),
            cameraState=Attribute(state),
            declared=Attribute(dict(declared)),
            hasLogin=Attribute(has_login),
            changedBy=Attribute(by.id),
            removedWhy=Attribute(because),
        )
        change = Change("replace", made, if_version=version) if version else Change("create", made)
        await self.broker.apply([change], by.through("vision"), why)
        self.kept[name] = kept = await self.broker.read(made.id, ROOM, OPERATIONS)
        return kept

    def _keep_login(self, name: str, login: Login | None) -> None:
        if login:
            secret.write(self._secret(name), login.secret)

    def _secret(self, name: str) -> Path:
        return self.data / "secrets" / secret_name(name)


def name_of(kept: Entity) -> str:
    return kept.id.rsplit(":", 1)[1]


def state(kept: Entity) -> State:
    found = kept.value("cameraState")
    return found if found in ("draft", "live") else "removed"


def told(kept: Entity) -> Mapping[str, Json]:
    found = kept.value("declared")
    return found if isinstance(found, dict) else {}


def secret_name(camera: str) -> str:
    """Names of secrets have no dots and no underscores; two cameras never share one."""
    return "camera-" + camera.replace("-", "--").replace(".", "-d-").replace("_", "-u-")
