"""The whole system on one page: what runs, and what each part is given."""

import asyncio
import contextlib
import gc
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from townsquare.alerts import api as alerts_api
from townsquare.alerts import run as alerts
from townsquare.bus import open_bus
from townsquare.context import outgoing as out
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.model.actor import Actor
from townsquare.model.camera import Camera
from townsquare.model.change import Change
from townsquare.model.errors import CannotStart, Invalid
from townsquare.model.rule import Rule
from townsquare.model.settings import parse
from townsquare.model.town import Town
from townsquare.register import api as register_api
from townsquare.register import publish, sample
from townsquare.store import Store as Keeping
from townsquare.store import open_store
from townsquare.store import reach as reach_store
from townsquare.store import seals as store_seals
from townsquare.trust import approvals, audit, note, secret, texts, versions
from townsquare.trust.identity import emergency
from townsquare.trust.identity import provider as identity_provider
from townsquare.trust.identity import types as identity
from townsquare.trust.log import Log
from townsquare.trust.policy import policy
from townsquare.vision import api as vision_api
from townsquare.vision import leases
from townsquare.vision import run as seeing
from townsquare.vision.workers import Workers
from townsquare.web import app as site
from townsquare.web import figures, handing, notary, portal, server
from townsquare.web import log as log_site
from townsquare.web.accounts.commands import ADMINISTRATOR
from townsquare.web.accounts.desk import Beside, Desk
from townsquare.web.accounts.genesis import FirstPolicy
from townsquare.web.accounts.kept import ROOM as ACCOUNTS
from townsquare.web.accounts.kept import WHY
from townsquare.web.accounts.people import People
from townsquare.web.accounts.provider import Provider
from townsquare.web.accounts.site import site as at
from townsquare.web.accounts.tokens import Tokens
from townsquare.web.approvals.book import Act, Book
from townsquare.web.approvals.inbox import Inbox
from townsquare.web.auth import Door, Known, Mode, always
from townsquare.web.control import Control
from townsquare.web.health import Health
from townsquare.web.looked import Looked
from townsquare.web.notary import Notary
from townsquare.web.pages import Pages
from townsquare.web.policy import asking, ruling
from townsquare.web.policy import pages as policy_pages
from townsquare.web.sessions import Sessions
from townsquare.web.tries import Tries
from townsquare.web.witnesses import Witness, Witnesses

TYPES = (
    *seeing.TYPES,
    *alerts.TYPES,
    *audit.TYPES,
    *identity.TYPES,
    *notary.TYPES,
    *approvals.TYPES,
    *versions.TYPES,
)
OWN_RULES = (*notary.RULES, emergency.ALARM, ruling.UNKNOWN)
SWEEP_S = 60.0
SEAL_S = 3600.0  # also the longest that what was erased stays in a file, twice
MOST_DAYS = 3650
EXPIRY_S = 1.0  # how late the news of an end may be
NEVER = datetime.min.replace(tzinfo=UTC)  # no day ended before
LONGEST_WAIT_S = 60.0  # before a room that fails is started again

DEMO_TOKEN = Actor("machine:demo-token", "machine", roles=frozenset({"operator"}))

# What may need the agreement of somebody else; whether it does, the policy says.
ACTS = (Act(leases.PREVIEW, "See a preview", frozenset({"data-protection", "security"})),)

log = logging.getLogger(__name__)
Run = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Store:
    """[store] in townsquare.toml."""

    url: str = "sqlite:townsquare.db"
    password: str = ""
    seal_after_days: int = 7

    def __post_init__(self) -> None:
        if not 0 <= self.seal_after_days <= MOST_DAYS:
            raise Invalid(f"seal_after_days takes 0 (never) to {MOST_DAYS}")
        if self.password and not secret.NAME.fullmatch(self.password):
            raise Invalid('password takes "secret:NAME"; the password itself is no setting')


@dataclass(frozen=True, slots=True)
class Bus:
    """[bus] in townsquare.toml."""

    url: str = "memory:"


@dataclass(frozen=True, slots=True)
class Settings:
    """townsquare.toml."""

    town: Town = field(default_factory=Town)
    web: site.Settings = field(default_factory=site.Settings)
    store: Store = field(default_factory=Store)
    bus: Bus = field(default_factory=Bus)
    vision: seeing.Settings = field(default_factory=seeing.Settings)
    outgoing: out.Settings = field(default_factory=out.Settings)
    oidc: identity_provider.Settings = field(default_factory=identity_provider.Settings)
    log: notary.Settings = field(default_factory=notary.Settings)
    camera: tuple[Camera, ...] = ()
    rule: tuple[Rule, ...] = ()
    witness: tuple[Witness, ...] = ()

    def __post_init__(self) -> None:
        named: Mapping[str, Sequence[Camera | Rule | Witness]] = {
            "camera": self.camera,
            "rule": self.rule,
            "witness": self.witness,
        }
        for word, things in named.items():
            names = [thing.name for thing in things]
            if twice := {name for name in names if names.count(name) > 1}:
                raise Invalid(f"two of [[{word}]] have the name {min(twice)!r}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where it runs: the data folder, and the folder that files in the settings are relative to."""

    data: Path
    settings: Path
    port: int


def load(path: Path) -> Settings:
    """Raises Invalid, naming file, line and key."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"cannot read the settings {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"the settings {path} are not UTF-8 text; save them as such") from error
    return parse(text, str(path), Settings)


async def serve(settings: Settings, place: Place, mode: Mode) -> None:
    """Run the town until the process is asked to end. Raises CannotStart or Invalid."""
    if mode == "open" and settings.web.public_url:
        raise CannotStart("--open serves this machine only; take public_url out of [web]")
    sockets = server.listen(place.port)
    here = replace(settings.web, port=place.port)
    pages = Pages(settings.town, demo=mode == "demo")
    rules = policy(TYPES, zone=ZoneInfo(settings.town.timezone)).shut(ruling.UNREAD)
    broker = Broker(opened(settings.store, place.data), open_bus(settings.bus.url), rules)
    allowed = out.LOOPBACK_ONLY if mode == "open" else out.declared(settings.outgoing)
    async with contextlib.AsyncExitStack() as ending:
        ending.push_async_callback(broker.store.close)
        await broker.store.ready()
        own = place.settings / "policies"
        rules_desk = ruling.Ruling(broker, lambda: texts.beside(own), own=mode != "login")
        await rules_desk.open()
        client = await ending.enter_async_context(out.Client(allowed))
        workers = await ending.enter_async_context(Workers(settings.vision))
        api = Api(broker, client, here.public_url.rstrip("/") or f"http://localhost:{here.port}")
        keeper = await ending.enter_async_context(witnessed_log(settings, place, broker, mode))
        cameras = seeing.Cameras(settings.camera, place.settings, place.data)
        rooms: Mapping[str, Run] = {
            "vision": lambda: seeing.run(cameras, workers, broker, settings.town),
            "alerts": lambda: alerts.run(broker, (*settings.rule, *OWN_RULES)),
            "accounts": lambda: desk.run(),
            "log": lambda: keeper.run(),
            "register": lambda: publish.run(broker),
            "subscriptions": lambda: api.subscriptions.run(),
            "sources": lambda: api.bulletin.run(),
            "snapshots": lambda: api.snapshots.run(),
            "expiry": lambda: expire(broker),
            "sweep": lambda: sweep(broker),
            "sealing": lambda: seal(broker, settings.store.seal_after_days),
        }
        sessions = Sessions(now, secure=bool(here.public_url))
        tries = Tries(now, proxied=bool(here.public_url))

        async def left(actor: str) -> None:
            sessions.end_of(actor)
            await api.end_of(actor, ACCOUNTS, WHY)

        people = People(broker, at(here.public_url, here.port, settings.town.name), left)
        tokens = Tokens(broker, left)
        provider = await ending.enter_async_context(provided(settings, place.data))
        begins = FirstPolicy(rules_desk.unsigned, rules_desk.sign)
        desk = Desk(people, tokens, pages, sessions, tries, Beside(provider, begins))
        await people.load()
        await tokens.load()
        acts = (*ACTS, asking.act(rules_desk, lambda: book))
        book = Book(broker, people, {act.name: act for act in acts})
        control_token = secret.token(place.data / "secrets" / "control-token")
        routes = [
            *Control(broker, pages, sessions, mode).routes(),
            *(desk.routes() if mode == "login" else []),
            *Health(broker, keeper).routes(),
            *log_site.routes(keeper.log),
            *handing.routes(broker, keeper.log),
            *Inbox(book, pages).routes(),
            *Looked(people, pages, keeper.log).routes(),
            *figures.routes(broker, pages),
            *vision_api.routes(broker, workers, settings.camera, book.use),
            *alerts_api.routes(broker),
            *register_api.routes(broker),
            *policy_pages.routes(rules_desk, book, pages),
            *portal.routes(pages, lambda: register_api.cards(broker, settings.town)),
        ]
        house = site.house(pages, api, routes)
        door = Door(mode, known(tokens, place, mode), sessions, tries)
        public = site.public(house, here, pages, door)
        inside = replace(door, mode="login", known=always(control_token, ADMINISTRATOR, now))
        local = site.local(house, inside)
        if mode == "demo":
            await bring_samples(broker, settings)
        sockets.append(ending.enter_context(server.control_socket(place.data)))
        await ending.enter_async_context(running(rooms))
        calm_collector()
        first = "" if people.enrolled or mode != "login" else await people.first_link()
        server.announce(place.port, mode, settings.town, first)
        await server.serve(public, local, sockets)


@contextlib.asynccontextmanager
async def witnessed_log(
    settings: Settings, place: Place, broker: Broker, mode: Mode
) -> AsyncIterator[Notary]:
    """The log, opened before anybody is let in. Its witnesses are called, and nobody else."""
    name = origin(settings)
    kept = secret.kept(place.data / "secrets" / "log-key", lambda: note.made(name))
    log = Log(place.data / "log", note.signer(kept), broker.store, now)
    hosts = out.Settings(tuple(witness.host for witness in settings.witness))
    allowed = out.LOOPBACK_ONLY if mode == "open" else out.declared(hosts)
    async with out.Client(allowed) as client:
        floor = settings.log.floor_mb * 1_000_000
        keeper = Notary(
            log,
            Witnesses(log, client, settings.witness),
            broker,
            lambda: notary.free_at(place.data) - floor,
        )
        await keeper.open()
        yield keeper


def origin(settings: Settings) -> str:
    """The log's name in the world, which its key keeps when the town or its address is renamed."""
    host = urlsplit(settings.web.public_url).netloc
    town = re.sub(r"[^\w.-]+", "-", settings.town.name).strip("-").lower()
    return f"{host or town or 'town'}/log"


def calm_collector() -> None:
    """Looks for cycles among what is new, and seldom through all: that stops the city for a tenth
    of a second, and the thousands of entities in memory are trees that have none.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


def opened(store: Store, data: Path) -> Keeping:
    password = secret.resolve(store.password, data) if store.password else ""
    queried = frozenset(name for type in TYPES for name in type.queried)
    return open_store(store.url, data, password, queried)


async def reach(store: Store, data: Path) -> None:
    """Raises CannotStart or Invalid where its database does not let us in; changes nothing."""
    password = secret.resolve(store.password, data) if store.password else ""
    await reach_store(store.url, password)


def sealing(store: Store) -> str:
    """What becomes of old days of history, in a few words."""
    if not store.seal_after_days:
        return "stays in the database"
    if store_seals(store.url):
        return f"in Parquet after {store.seal_after_days} days"
    if store.url.startswith("sqlite:"):
        return "stays in the database; pip install 'townsquare[analysis]' makes Parquet of it"
    return "stays in the database, whatever seal_after_days says"


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


def known(tokens: Tokens, place: Place, mode: Mode) -> Known:
    """Who comes with a token. The demo's lies in a file, so that a program can be tried there."""
    if mode == "demo":
        return always(secret.token(place.data / "demo-token"), DEMO_TOKEN, now)
    return tokens.known


async def bring_samples(broker: Broker, settings: Settings) -> None:
    """For the demo: an hour of windows and a day of cells, marked as sample, before the first."""
    if not await broker.last_seq():
        # The live entities come first into a new city, so that they are first in its answers.
        await seeing.opened(settings.camera, broker, settings.town)
    await sample.fill(broker, settings.camera, settings.town)
    past = [w for c in settings.camera for w in sample.windows(c, now())]
    known = await broker.find(
        Query(types=("CrowdFlowObserved",), ids=tuple({w.id for w in past}), limit=MOST),
        seeing.ROOM,
        seeing.OPERATIONS,
    )
    there = {entity.id for entity in known.entities}
    new = [Change("merge", window, upsert=True) for window in past if window.id not in there]
    await broker.apply(new, seeing.ROOM, seeing.OPERATIONS)


@contextlib.asynccontextmanager
async def running(rooms: Mapping[str, Run]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(kept_running(*room), name=room[0]) for room in rooms.items()]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def kept_running(name: str, run: Run) -> None:
    """A room that fails is started again, later each time; the others go on."""
    wait_s = 1.0
    while True:
        started = now()
        try:
            await run()
        except Exception:
            log.exception("the room %s failed and starts again in %.0f s", name, wait_s)
        calm = (now() - started).total_seconds() > LONGEST_WAIT_S
        wait_s = 1.0 if calm else min(2 * wait_s, LONGEST_WAIT_S)
        await asyncio.sleep(wait_s)


async def expire(broker: Broker) -> None:
    """What ends, ends in time also where nobody asks: there are readers who were promised news."""
    while True:
        await broker.expire()
        await asyncio.sleep(EXPIRY_S)


async def sweep(broker: Broker) -> None:
    while True:
        await broker.sweep()
        await asyncio.sleep(SWEEP_S)


async def seal(broker: Broker, after_days: int) -> None:
    """Also where no more days are sealed: what is erased goes from those that were."""
    while True:
        before = now() - timedelta(days=after_days) if after_days else NEVER
        await broker.seal(before)
        await asyncio.sleep(SEAL_S)


def now() -> datetime:
    return datetime.now(UTC)
