"""A town that records, with people, custodians' own clients and its doors on a real port."""

import asyncio
import io
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests import footage, notary
from tests.conftest import OpenBroker
from tests.e2e.town import free_port
from tests.footage import ORGANISATIONS, TEN
from tests.town_hall import Member, TownHall
from townsquare import app
from townsquare.app import custody
from townsquare.cli import custodian
from townsquare.cli.custodian import Key
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change
from townsquare.model.entity import Attribute, entity, urn
from townsquare.model.errors import Denied, Invalid, NotFound, TownsquareError
from townsquare.trust import approvals, signet
from townsquare.trust.seal import listing
from townsquare.vision.sealed.challenge import Challenges
from townsquare.vision.sealed.custody_doors import CustodyDoors
from townsquare.vision.sealed.drills import Drills
from townsquare.vision.sealed.hours import footage_id, hour_of
from townsquare.vision.sealed.opening import Wish
from townsquare.vision.sealed.openings import ROOM
from townsquare.vision.sealed.types import FOOTAGE, TERMS
from townsquare.web.approvals.book import Book
from townsquare.web.approvals.footage import acts, asking

NINE = datetime(2030, 6, 1, 9, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "demo" / "square.mp4"
PICTURES = 40
STATUS = {Denied: 403, NotFound: 404, Invalid: 400}
CASE = "2030-17"


def clip() -> bytes:
    """The first pictures of the demo's street, as its camera sent them."""
    told = io.BytesIO()
    with av.open(str(DEMO), "r") as source, av.open(told, "w", format="mp4") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in itertools.islice(source.demux(video=0), PICTURES):
            packet.stream = stream
            out.mux(packet)
    return told.getvalue()


CLIP = clip()


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: "list[socket.socket] | None" = None) -> None:
        await super().startup(sockets)
        self.up.set()


class Town(TownHall):
    def __init__(self, broker: Broker, folder: Path) -> None:
        super().__init__(broker)
        self.folder = folder
        self.kept = footage.Town(folder / "data")
        self.notary = notary.notary(broker, folder)
        self.openings = custody.opened(broker, folder / "data", lambda: self.notary.log)
        self.drills = Drills(
            broker, self.openings.in_force, self.kept.unwrapping, folder / "data" / "drills"
        )
        self.visitor: Actor | None = None
        self.keys: dict[str, Key] = {}
        self.url = ""

    async def open(self) -> "Town":
        made = acts(self.openings, lambda: self.book)
        self.book = Book(self.broker, self.people, {act.name: act for act in made})
        self.eve = await self.member("Eve", "Prosecution", "investigator")
        self.own = {
            name: await self.member(name.title(), organisation, "custodian")
            for name, organisation in ORGANISATIONS.items()
        }
        await self.agree_on_terms()
        return self

    async def agree_on_terms(self) -> None:
        terms = footage.terms(self.kept.of)
        told = entity(
            urn(TERMS, terms.hash),
            TERMS,
            hash=Attribute(terms.hash),
            status=Attribute("in force"),
            since=Attribute(NINE.isoformat()),
            keepHours=Attribute(terms.keep_hours),
            custodians=Attribute(
                [{"organisation": one.organisation, "key": one.key} for one in terms.custodians]
            ),
        )
        await self.broker.apply([Change("create", told)], ROOM, Why("operations"))

    async def record(self, segments: int = 3, camera: str = "square") -> None:
        """From nine o'clock on, and what the log says of it."""
        for n in range(segments):
            self.kept.record(camera, NINE + n * TEN, CLIP)
        await self.list(camera)

    async def list(self, camera: str = "square") -> None:
        hour = hour_of(NINE)
        lines = self.kept.shelf.lines(camera, hour)
        told = entity(
            footage_id(camera, hour),
            FOOTAGE,
            segmentCount=Attribute(len(lines)),
            listRoot=Attribute(listing.root(lines)),
        )
        change = Change("merge", told, upsert=True)
        await self.broker.apply([change], ROOM, Why("operations"))

    async def sign(self) -> None:
        await self.notary.step()

    # --- people

    def wish(self, *, emergency: bool = False, minutes: int = 1) -> Wish:
        until = NINE + timedelta(minutes=minutes)
        return Wish("square", NINE, until, CASE, self.keys["asker"].line, emergency)

    async def asked(self, wish: Wish, by: Member | None = None) -> str:
        return await self.openings.ask(wish, (by or self.eve).actor, asking(lambda: self.book))

    async def agreed(self, id: str, *names: str) -> None:
        """By these custodians, with their passkeys."""
        for name in names:
            one, member = await self.book.of(id), self.own[name]
            signed = member.key.signed(approvals.digest(one.request))
            await self.book.approve(id, signed, member.actor)

    async def opening(self, *names: str, emergency: bool = False) -> str:
        """The id of one that these agreed to, in the signed log."""
        await self.agreed(await self.asked(self.wish(emergency=emergency)), *names)
        await self.sign()
        found = [id async for id in self._openings()]
        return found[-1]

    async def _openings(self) -> AsyncIterator[str]:
        for name in ORGANISATIONS:
            for one in await self.openings.waiting_for(name):
                yield one.id

    # --- clients

    def key_files(self) -> None:
        """Of each custodian and of who asks, with the town and its log in them."""
        log = str(self.notary.log.key)
        for one in self.kept.of:
            raw = one.signing.private_bytes_raw()
            self.keys[one.name] = Key(one.name, one.opening.seed, raw, self.url, log)
        self.keys["asker"] = custodian.keygen("asker", self.folder / "asker.key")._replace(
            town=self.url, log=log
        )

    async def release(self, name: str, opening: str) -> str:
        key = self.keys[name]
        told = await asyncio.to_thread(custodian.fetched, key, opening)
        return await asyncio.to_thread(custodian.send, key, told)

    # --- doors

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Town"]:
        doors = CustodyDoors(
            self.openings,
            Challenges(self.broker.clock),
            asking(lambda: self.book),
            signet.opened(self.folder / "secrets" / "footage-signet", "Testtown"),
            self.drills,
        )
        app = Starlette(routes=doors.routes(), exception_handlers={TownsquareError: _refused})
        port = free_port()
        config = uvicorn.Config(self._door(app), port=port, log_level="warning", lifespan="off")
        server = Server(config)
        running = asyncio.create_task(server.serve())
        await server.up.wait()
        self.url = f"http://localhost:{port}"
        self.key_files()
        try:
            yield self
        finally:
            server.should_exit = True
            await running

    def _door(self, app: ASGIApp) -> ASGIApp:
        async def door(scope: Scope, receive: Receive, send: Send) -> None:
            by = self.visitor or self.eve.actor
            scope["state"] = {"actor": by, "why": Why("investigation", CASE), "session": None}
            await app(scope, receive, send)

        return door


async def _refused(_: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 409)
    return JSONResponse({"detail": str(error)}, status)


@pytest.fixture
async def town(open_broker: OpenBroker, tmp_path: Path) -> AsyncIterator[Town]:
    """With its doors open."""
    town = await Town(open_broker(*app.TYPES), tmp_path).open()
    await town.notary.open()
    async with town.serving():
        yield town
