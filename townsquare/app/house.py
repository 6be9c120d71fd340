"""The whole system on one page: what runs, and what each part is given."""

import contextlib
import gc
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from zoneinfo import ZoneInfo

from townsquare.alerts import api as alerts_api
from townsquare.alerts import run as alerts
from townsquare.alerts.dryrun.run import DryRuns
from townsquare.alerts.handover import types as handover_types
from townsquare.alerts.handover.desk import HandoverDesk
from townsquare.alerts.handover.doors import HandoverDoors
from townsquare.alerts.handover.gathering import Gathering
from townsquare.alerts.incidents import types as incident_types
from townsquare.alerts.incidents.doors import Doors as IncidentDoors
from townsquare.alerts.load import doors as load_doors
from townsquare.alerts.load import live as load_live
from townsquare.alerts.load import types as load_types
from townsquare.alerts.load.reports import Reports
from townsquare.alerts.notify import push
from townsquare.alerts.notify import run as notify
from townsquare.alerts.notify import types as notify_types
from townsquare.alerts.notify.browsers import Browsers
from townsquare.alerts.notify.courier import Courier
from townsquare.alerts.notify.doors import NotifyDoors
from townsquare.alerts.notify.rota_doors import RotaDoors
from townsquare.alerts.notify.staff import Staff
from townsquare.alerts.rule_doors import RuleDoors
from townsquare.alerts.warnings import types as warning_types
from townsquare.alerts.warnings.doors import WarningDoors
from townsquare.app.doctoring import Doctoring, Noted
from townsquare.app.keeping import opened
from townsquare.app.rooms import Run, expire, running, seal, sweep
from townsquare.app.settings import Place, Settings
from townsquare.app.trusted import trusted
from townsquare.bus import open_bus
from townsquare.context import outgoing as out
from townsquare.context.api.app import Api
from townsquare.context.broker import Broker
from townsquare.context.query import MOST, Query
from townsquare.devices import desk as device_desk
from townsquare.devices import types as device_types
from townsquare.devices.doors import DeviceDoors
from townsquare.model.change import Change
from townsquare.model.errors import CannotStart
from townsquare.register import api as register_api
from townsquare.register import publish, sample
from townsquare.trust import approval_entity, audit, secret, versions
from townsquare.trust.identity import emergency, recovery
from townsquare.trust.identity import types as identity
from townsquare.trust.policy import policy
from townsquare.vision import api as vision_api
from townsquare.vision import handcount, leases
from townsquare.vision import run as seeing
from townsquare.vision import types as vision_types
from townsquare.vision.calibrating import Calibration
from townsquare.vision.clear import view as clear_view
from townsquare.vision.clear.doors import ClearDoors
from townsquare.vision.clear.views import ClearViews
from townsquare.vision.detectors import listed
from townsquare.vision.evaluated import Model
from townsquare.vision.evaluations import Evaluations
from townsquare.vision.joining import types as joining_types
from townsquare.vision.joining.doors import joined
from townsquare.vision.layouts import Layouts
from townsquare.vision.onvif.doors import OnvifDoors
from townsquare.vision.sealed import custody_types, drill_types
from townsquare.vision.sealed import types as sealed_types
from townsquare.vision.workers import Workers
from townsquare.web import app as site
from townsquare.web import basemap, notary, portal, server
from townsquare.web import load as load_pages
from townsquare.web.accounts.commands import ADMINISTRATOR
from townsquare.web.approvals import footage
from townsquare.web.approvals.warnings import asking
from townsquare.web.at_camera import AtCamera
from townsquare.web.auth import Mode, always
from townsquare.web.control import Control
from townsquare.web.custody import CustodyPage
from townsquare.web.dashboards.screens import Dashboards
from townsquare.web.devices import DevicesPage
from townsquare.web.doctor.page import DoctorPage
from townsquare.web.doctor.rounds import Rounds
from townsquare.web.handover import HandoverPages
from townsquare.web.incidents import IncidentPages
from townsquare.web.languages import languages
from townsquare.web.live import Live
from townsquare.web.notify import NotifyPage
from townsquare.web.pages import Pages
from townsquare.web.policy import ruling
from townsquare.web.rules import RulePages
from townsquare.web.timekeeper import Timekeeper
from townsquare.web.wall import WallPage
from townsquare.web.warnings import WarningPages

TYPES = (
    *vision_types.TYPES,
    *clear_view.TYPES,
    *sealed_types.TYPES,
    *alerts.TYPES,
    *incident_types.TYPES,
    *handover_types.TYPES,
    *warning_types.TYPES,
    *load_types.TYPES,
    *notify_types.TYPES,
    *audit.TYPES,
    *identity.TYPES,
    *notary.TYPES,
    *approval_entity.TYPES,
    *versions.TYPES,
    *custody_types.TYPES,
    *drill_types.TYPES,
    *device_types.TYPES,
    *joining_types.TYPES,
)
OWN_RULES = (
    *notary.RULES,
    *notify_types.RULES,
    emergency.ALARM,
    recovery.ALARM,
    ruling.UNKNOWN,
    custody_types.ALARM,
)


async def serve(settings: Settings, place: Place, mode: Mode) -> None:
    """Run the town until the process is asked to end. Raises CannotStart or Invalid."""
    require_startable(settings, mode)
    sockets = server.listen(place.port)
    here = replace(settings.web, port=place.port)
    pages = Pages(settings.town, mode == "demo", opened_map(settings, place))
    rules = policy(TYPES, zone=ZoneInfo(settings.town.timezone)).shut(ruling.UNREAD)
    store = opened(settings.store, place.data, TYPES)
    clock = Timekeeper()
    broker = Broker(store, open_bus(settings.bus.url), rules, clock.now)
    broker.sure = clock.sure
    noted = Noted(clock.now)
    allowed = may_be_called(settings, mode, noted)
    async with contextlib.AsyncExitStack() as ending:
        ending.push_async_callback(store.close)
        await store.ready()
        ending.push_async_callback(broker.looks.settle, all=True)
        client = await ending.enter_async_context(out.Client(allowed))
        api = Api(broker, client, address := _address(here))
        trust = await ending.enter_async_context(trusted(settings, place, api, pages, mode, clock))
        models = place.data / "models"
        workers = await ending.enter_async_context(Workers(settings.vision, models))
        cameras = seeing.Cameras(settings.camera, place.settings, place.data)
        layouts = Layouts(broker, {camera.name: camera for camera in settings.camera})
        joining = await ending.enter_async_context(
            joined(broker, layouts, place.data, Workers(settings.vision, models))
        )
        clear = await ending.enter_async_context(
            ClearViews(
                broker,
                layouts.now,
                partial(cameras.watched, timezone=settings.town.timezone),
                trust.book.use,
            )
        )
        evaluations = Evaluations(
            broker, layouts.now, Model(*listed.counting(settings.vision.detector, models))
        )
        staff = Staff(
            settings.notify,
            ZoneInfo(settings.town.timezone),
            settings.town.name,
            f"{address}/control",
        )
        reveal = partial(secret.resolve, folder=place.data)
        push_key = secret.kept(place.data / "secrets" / "push-key", push.fresh_key)
        courier = Courier(
            client,
            reveal,
            settings.notify.mail,
            Browsers(broker),
            push_key,
            lambda contact: languages()[staff.language(contact)],
        )
        rounds = Rounds(Doctoring(settings, place, trust.notary, noted).facts)
        devices = device_desk.opened(broker, settings.devices, allowed, reveal)
        rooms: Mapping[str, Run] = {
            "doctor": rounds.run,
            **devices.listening.rooms(settings.town.name),
            "vision": lambda: seeing.run(
                cameras, workers, broker, settings.town, evaluations, layouts
            ),
            "clear views": clear.run,
            "alerts": lambda: alerts.run(
                broker, (*settings.rules, *OWN_RULES), ZoneInfo(settings.town.timezone)
            ),
            "alarm load": lambda: load_live.run(broker),
            "notify": lambda: notify.run(broker, staff, courier),
            **trust.rooms(),
            "register": lambda: publish.run(broker),
            "subscriptions": lambda: api.subscriptions.run(),
            "sources": lambda: api.bulletin.run(),
            "relay": lambda: api.relay.run(),
            "snapshots": lambda: api.snapshots.run(),
            "expiry": lambda: expire(broker),
            "sweep": lambda: sweep(broker),
            "sealing": lambda: seal(broker, settings.store.seal_after_days),
        }
        book = trust.book
        previews = partial(leases.offered, broker, could=book.could_agree)
        reports = Reports(broker, settings.town)
        control = Control(Live(broker, book.named), pages, trust.door.sessions, mode, previews)
        handing = HandoverDesk(
            Gathering(
                broker,
                reports,
                partial(trust.door.sessions.present, "operator"),
                staff.called,
            )
        )
        routes = [
            *control.routes(),
            *(pages.ground.routes() if pages.ground else ()),
            *AtCamera(control, layouts).routes(),
            *IncidentPages(control, trust.operators).routes(),
            *RulePages(control).routes(),
            *Dashboards(control).routes(),
            *WallPage(control).routes(),
            *CustodyPage(control, trust.openings, footage.asking(lambda: book)).routes(),
            *NotifyPage(control).routes(),
            *HandoverPages(control, handing, book.named).routes(),
            *WarningPages(control, trust.warnings, book.named).routes(),
            *Calibration(broker, workers, layouts).routes(),
            *trust.routes(rounds.states),
            *DoctorPage(control, rounds).routes(),
            *vision_api.routes(broker, workers, layouts.set, book.use, book.could_agree),
            *joining.routes(),
            *OnvifDoors(joining.registrations, allowed).routes(),
            *ClearDoors(clear).routes(),
            *DeviceDoors(devices, settings.devices).routes(),
            *DevicesPage(control, devices).routes(),
            *handcount.routes(evaluations, address),
            *alerts_api.routes(broker),
            *RuleDoors(
                broker,
                (*settings.rules, *OWN_RULES),
                DryRuns(broker, ZoneInfo(settings.town.timezone)),
            ).routes(),
            *IncidentDoors(broker, lambda id: id in trust.operators()).routes(),
            *NotifyDoors(broker, staff, allowed, push.public_key(push_key)).routes(),
            *RotaDoors(broker, staff).routes(),
            *HandoverDoors(handing).routes(),
            *WarningDoors(trust.warnings, asking(lambda: book), book.could_agree).routes(),
            *load_doors.routes(reports),
            *load_pages.routes(pages, reports, broker),
            *register_api.routes(broker),
            *portal.routes(
                pages,
                lambda: register_api.cards(broker, settings.town),
                lambda: listed.here(models),
                trust.warnings.current,
            ),
        ]
        house = site.house(pages, api, routes)
        public = site.public(house, here, pages, trust.door)
        owner = secret.token(place.data / "secrets" / "control-token")
        if mode == "demo":
            await bring_samples(broker, settings)
        sockets.append(ending.enter_context(server.control_socket(place.data)))
        await ending.enter_async_context(running(rooms, noted.fail))
        calm_collector()
        announce(settings, place.port, mode, await trust.first_link())
        inside = replace(trust.door, mode="login", known=always(owner, ADMINISTRATOR, broker.clock))
        await server.serve(public, site.local(house, inside), sockets)


def require_startable(settings: Settings, mode: Mode) -> None:
    """Raises CannotStart."""
    if mode == "open" and settings.web.public_url:
        raise CannotStart("--open serves this machine only; take public_url out of [web]")


def announce(settings: Settings, port: int, mode: Mode, first_link: str) -> None:
    if settings.messages.form == "json":
        server.log_start(port, settings.town, first_link)
    else:
        server.announce(port, mode, settings.town, first_link)


def may_be_called(settings: Settings, mode: Mode, noted: Noted) -> out.Allowed:
    allowed = out.LOOPBACK_ONLY if mode == "open" else out.declared(settings.outgoing)
    return replace(allowed, refused=noted.refuse)


def _address(here: site.Settings) -> str:
    return here.public_url.rstrip("/") or f"http://localhost:{here.port}"


def opened_map(settings: Settings, place: Place) -> basemap.Ground | None:
    return basemap.opened(settings.map, place.settings, settings.town.centre)


def calm_collector() -> None:
    """Looks for cycles among what is new, and seldom through all: that stops the city for a tenth
    of a second, and the thousands of entities in memory are trees that have none.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 100)


async def bring_samples(broker: Broker, settings: Settings) -> None:
    """For the demo: an hour of windows and a day of cells, marked as sample, before the first."""
    cameras = Query(types=("Camera",), limit=1)
    if not (await broker.find(cameras, seeing.ROOM, seeing.OPERATIONS)).entities:
        # The live entities come first into a new city, so that they are first in its answers.
        await seeing.opened(settings.camera, broker, settings.town)
    await sample.fill(broker, settings.camera, settings.town)
    past = [w for c in settings.camera for w in sample.windows(c, broker.clock())]
    known = await broker.find(
        Query(types=("CrowdFlowObserved",), ids=tuple({w.id for w in past}), limit=MOST),
        seeing.ROOM,
        seeing.OPERATIONS,
    )
    there = {entity.id for entity in known.entities}
    new = [Change("merge", window, upsert=True) for window in past if window.id not in there]
    await broker.apply(new, seeing.ROOM, seeing.OPERATIONS)
