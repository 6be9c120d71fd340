"""What keeps accounts, approvals, the policy and the log: opened before anybody is let in."""

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.routing import Route

from townsquare.alerts.warnings.desk import WarningDesk
from townsquare.app import custody, sealing
from townsquare.app.rooms import Run
from townsquare.app.settings import Place, Settings
from townsquare.context import outgoing as out
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.model.actor import Actor
from townsquare.model.texts import later
from townsquare.trust import note, secret, signet, texts
from townsquare.trust.log import Log
from townsquare.vision import leases
from townsquare.vision.clear import view as clear
from townsquare.vision.sealed.challenge import Challenges
from townsquare.vision.sealed.custody_doors import CustodyDoors
from townsquare.vision.sealed.openings import Openings
from townsquare.web import clock as clock_site
from townsquare.web import figures, handing, nobody, notary
from townsquare.web import log as log_site
from townsquare.web.accounts.desk import Beside, Desk
from townsquare.web.accounts.genesis import FirstPolicy
from townsquare.web.accounts.people import People
from townsquare.web.accounts.provider import Provider
from townsquare.web.accounts.site import site
from townsquare.web.accounts.tokens import Tokens
from townsquare.web.approvals import footage, warnings
from townsquare.web.approvals.book import Act, Book
from townsquare.web.approvals.inbox import Inbox
from townsquare.web.auth import Door, Known, Mode, always
from townsquare.web.health import Health, States
from townsquare.web.looked import Looked
from townsquare.web.notary import Notary, Upkeep
from townsquare.web.outdated import Outdated
from townsquare.web.pages import Pages
from townsquare.web.policy import asking
from townsquare.web.policy import pages as policy_pages
from townsquare.web.policy.ruling import Ruling
from townsquare.web.sessions import Sessions
from townsquare.web.timekeeper import Timekeeper
from townsquare.web.tries import Tries
from townsquare.web.witnesses import Witnesses

DEMO_TOKEN = Actor("machine:demo-token", "machine", roles=frozenset({"operator"}))

# What may need the agreement of somebody else; whether it does, the policy says.
ACTS = (
    Act(leases.PREVIEW, later("See a preview"), frozenset({"data-protection", "security"})),
    Act(clear.ACT, later("See a camera as it is"), clear.APPROVERS, clear.NEEDED),
)


@dataclass(frozen=True, slots=True)
class Trusted:
    broker: Broker
    pages: Pages
    notary: Notary
    ruling: Ruling
    people: People
    desk: Desk
    book: Book
    door: Door
    warnings: WarningDesk
    sealed: sealing.Sealed
    custody: CustodyDoors

    @property
    def openings(self) -> Openings:
        return self.custody.openings

    def rooms(self) -> Mapping[str, Run]:
        return {
            "accounts": self.desk.run,
            "approvals": self.book.run,
            "log": self.notary.run,
            **self.sealed.rooms(),
            "openings": self.openings.run,
        }

    def routes(self, states: States) -> list[Route]:
        """Where nobody signs in, there are no accounts. `states` are those of the doctor."""
        broker, pages, log = self.broker, self.pages, self.notary.log
        return [
            *(self.desk.routes() if self.door.mode == "login" else nobody.routes(pages)),
            *Health(broker, self.notary, states).routes(),
            *log_site.routes(log),
            *handing.routes(broker, log),
            *clock_site.routes(broker, self.notary.time),
            *Inbox(self.book, pages).routes(),
            *self.custody.routes(),
            *Looked(self.people, pages, log).routes(),
            *figures.routes(broker, pages, self.notary),
            *policy_pages.routes(self.ruling, self.book, pages),
            *self.sealed.routes(),
        ]

    def operators(self) -> dict[str, str]:
        """Who can be given an incident now, with their names where accounts tell."""
        if self.door.mode != "login":
            return dict.fromkeys(self.door.sessions.present("operator"), "")
        there = filter(None, (self.people.actor(one.id) for one in self.people.everyone()))
        return {one.id: self.book.named(one.id) for one in there if "operator" in one.roles}

    async def first_link(self) -> str:
        """With which the first person enrols; empty where somebody has, or nobody needs to."""
        needed = self.door.mode == "login" and not self.people.enrolled
        return await self.people.first_link() if needed else ""


@contextlib.asynccontextmanager
async def trusted(
    settings: Settings, place: Place, api: Api, pages: Pages, mode: Mode, clock: Timekeeper
) -> AsyncIterator[Trusted]:
    """Raises CannotStart or Invalid."""
    broker, web = api.broker, settings.web
    own = place.settings / "policies"
    ruling = Ruling(broker, lambda: texts.beside(own), own=mode == "demo")
    await (ruling.take() if mode == "open" else ruling.open())
    sessions = Sessions(broker.clock, secure=bool(web.public_url))
    tries = Tries(broker.clock, proxied=bool(web.public_url))

    async def left(actor: str) -> None:
        sessions.end_of(actor)
        await api.reconsider(actor)

    people = People(broker, site(web.public_url, place.port, settings.town.name), left)
    tokens = Tokens(broker, left, people.end_of)
    await people.load()
    await tokens.load()
    broker.owners.ask = lambda by: people.stopped(by) or tokens.stopped(by)
    address = web.public_url.rstrip("/") or f"http://localhost:{place.port}"
    warner = WarningDesk(broker, settings.town, address, urlsplit(address).netloc)
    sealed = sealing.opened(settings, place, broker, clock, lambda: book)
    openings = custody.opened(broker, place.data, lambda: keeper.log, sealed.recording.settle)
    doors = CustodyDoors(
        openings,
        Challenges(broker.clock),
        footage.asking(lambda: book),
        signet.opened(place.data / "secrets" / "footage-signet", settings.town.name),
        sealed.drills,
    )
    acts = (
        *ACTS,
        asking.act(ruling, lambda: book),
        warnings.act(warner, lambda: book),
        *sealed.acts,
        *footage.acts(openings, lambda: book),
    )
    by_name = {act.name: act for act in acts}
    book = Book(broker, people, by_name, sessions.roles, settings.approvals)
    door = Door(mode, known(tokens, place, mode, broker), sessions, tries)
    async with (
        witnessed_log(settings, place, ruling, mode, clock) as keeper,
        provided(settings, place.data) as provider,
    ):
        beside = Beside(provider, FirstPolicy(ruling.unsigned, ruling.sign))
        desk = Desk(people, tokens, pages, sessions, tries, beside)
        parts = (people, desk, book, door, warner, sealed, doors)
        yield Trusted(broker, pages, keeper, ruling, *parts)


@contextlib.asynccontextmanager
async def witnessed_log(
    settings: Settings, place: Place, ruling: Ruling, mode: Mode, clock: Timekeeper
) -> AsyncIterator[Notary]:
    """The log, opened before anybody is let in. Its witnesses are called, and nobody else."""
    name, broker = origin(settings), ruling.broker
    kept = secret.kept(place.data / "secrets" / "log-key", lambda: note.made(name))
    log = Log(place.data / "log", note.signer(kept), broker.store, broker.clock)
    hosts = out.Settings(tuple(witness.host for witness in settings.witness))
    allowed = out.LOOPBACK_ONLY if mode == "open" else out.declared(hosts)
    async with out.Client(allowed) as client:
        floor = settings.log.floor_mb * 1_000_000
        keeper = Notary(
            log,
            Witnesses(log, client, settings.witness),
            broker,
            lambda: notary.free_at(place.data) - floor,
            Upkeep(clock, Outdated(broker, settings.log.keep_days, ruling.proven)),
        )
        await keeper.open()
        yield keeper


def origin(settings: Settings) -> str:
    """The log's name in the world, which its key keeps when the town or its address is renamed."""
    host = urlsplit(settings.web.public_url).netloc
    town = re.sub(r"[^\w.-]+", "-", settings.town.name).strip("-").lower()
    return f"{host or town or 'town'}/log"


@contextlib.asynccontextmanager
async def provided(settings: Settings, data: Path) -> AsyncIterator[Provider | None]:
    """The identity provider, with a client of its own that calls declared hosts only."""
    if not settings.oidc.issuer:
        yield None
        return
    client_secret = secret.resolve(settings.oidc.client_secret, data)
    hosts = (*settings.outgoing.hosts, settings.oidc.host)
    async with out.Client(out.declared(out.Settings(hosts))) as client:
        yield Provider(settings.oidc, client_secret, client)


def known(tokens: Tokens, place: Place, mode: Mode, broker: Broker) -> Known:
    """Who comes with a token. The demo's lies in a file, so that a program can be tried there."""
    if mode == "demo":
        return always(secret.token(place.data / "demo-token"), DEMO_TOKEN, broker.clock)
    return tokens.known
