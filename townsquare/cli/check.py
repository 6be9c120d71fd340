"""`townsquare check`: would it run here? Looks at each thing that it needs, and changes nothing."""

import asyncio
import os
import socket
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from townsquare import app
from townsquare.alerts.notify.ways import Channel, is_literal, require_url
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.model.camera import Camera
from townsquare.model.errors import CannotStart, Invalid, TownsquareError
from townsquare.trust import secret, texts
from townsquare.trust.purposes import FILE, purposes
from townsquare.vision import address, permit, read
from townsquare.vision.inside import require_inside, require_same
from townsquare.vision.reading.opening import Way
from townsquare.web import basemap


@dataclass(frozen=True, slots=True)
class Finding:
    """`trouble` is empty where all is well."""

    thing: str
    found: str
    trouble: str = ""


def check(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Look at settings, data folder, port, cameras and model; exit code 2 if one is wrong."""
    town = app.load(settings)  # its own sentence says more than a row of a table
    findings = [
        Finding("settings", str(settings)),
        *look(town, settings.resolve().parent, data_folder(settings, data)),
    ]
    troubles = [finding for finding in findings if finding.trouble]
    Console().print(table(findings))
    for trouble in troubles:
        # Not in the table: there it would be folded into a narrow column.
        typer.echo(f"{trouble.thing}: {trouble.trouble}")
    if troubles:
        raise typer.Exit(2)


def look(town: app.Settings, beside: Path, data: Path) -> Iterator[Finding]:
    yield finding("data folder", str(data), partial(writable, data))
    if town.store.url.startswith("postgresql:"):
        yield finding("database", town.store.url, partial(reachable, town.store, data))
    yield Finding("old history", app.sealing(town.store))
    yield finding("port", str(town.web.port), partial(free, town.web.port))
    yield finding("model", town.vision.detector, partial(detects, town.vision.detector, data))
    if town.map.pmtiles:
        shown = partial(basemap.opened, town.map, beside, town.town.centre)
        yield finding("map", town.map.pmtiles, shown)
    yield from cameras(town, beside, data)
    if town.recording.custodian:
        kept = f"three custodians, {town.recording.keep_hours} hours"
        yield finding("recording", kept, partial(town.recording.terms, beside))
    yield from callers(town, data)


def cameras(town: app.Settings, beside: Path, data: Path) -> Iterator[Finding]:
    for camera in town.camera:
        where = address.without_login(camera.counted_url)
        yield finding(f"camera {camera.name}", where, partial(seen, camera, beside, data))
        yield finding(f"camera {camera.name}", "may go live", partial(permitted, camera, beside))
        for what, share in camera.shadowed():
            found = f"masks hide {share:.0%} of {what}: who is there is not counted"
            yield Finding(f"camera {camera.name}", found)


def callers(town: app.Settings, data: Path) -> Iterator[Finding]:
    for contact in town.notify.contact:
        for channel in contact.channel:
            reached = partial(callable_at, channel, town.outgoing.hosts, data)
            yield finding(f"call {contact.name}", channel.kind, reached)
    if town.notify.mail and town.notify.mail.login:
        login = partial(secret.resolve, town.notify.mail.login, data)
        yield finding("mail server", town.notify.mail.host, login)


def finding(thing: str, found: str, attempt: Callable[[], object]) -> Finding:
    try:
        attempt()
    except TownsquareError as error:
        return Finding(thing, found, str(error))
    return Finding(thing, found)


def writable(folder: Path) -> None:
    """Raises CannotStart. A folder that is missing will be made, so its parent counts."""
    there = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    if not there.is_dir():
        raise CannotStart(f"{there} is not a folder; choose another with --data")
    if not os.access(there, os.W_OK | os.X_OK):
        raise CannotStart(f"no permission to write into {there}; choose another with --data")


def reachable(store: app.Store, data: Path) -> None:
    """Raises CannotStart or Invalid."""
    asyncio.run(app.reach(store, data))


def free(port: int) -> None:
    """Raises CannotStart."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise CannotStart(
            f"port {port} cannot be served ({error.strerror}); choose another with --port"
        ) from error


def detects(name: str, data: Path) -> None:
    """Raises CannotStart or Invalid."""
    # Here and not above: no other command shall pay for loading the inference runtime.
    from townsquare.vision import detect

    detect.opened(name, data / "models")


def seen(camera: Camera, beside: Path, data: Path) -> None:
    """Reads one picture. Raises what `pictures` raises, and Invalid for what lies outside it."""
    url = camera.counted_url
    where = str(beside / url) if address.is_file(url) else url
    login = secret.resolve(camera.login, data) if camera.login else ""
    way = Way(camera.transport, masks=camera.masks)
    picture = next(read.pictures(address.with_login(where, login), way=way))
    require_same(camera.drawn_on, picture.size)
    require_inside(camera.lines, camera.zones, picture.size)


def permitted(camera: Camera, beside: Path) -> None:
    """Raises Invalid for what it does not name, CannotStart where the town's list is not read."""
    known = purposes(texts.beside(beside / "policies")[FILE])
    if refusal := permit.refusal(camera, known, date.today()):
        raise Invalid(refusal)


def callable_at(channel: Channel, declared: Collection[str], data: Path) -> None:
    """Calls nobody. Raises Invalid or CannotStart for a secret that is missing, and Invalid for a
    host that may not be called.
    """
    if channel.key:
        secret.resolve(channel.key, data)
    at = channel.address
    address = secret.resolve(at, data) if at.startswith("secret:") else at
    if channel.kind in ("email", "browser"):
        return
    require_url(address)
    host = urlsplit(address).hostname or ""
    if host not in declared and not is_literal(host) and host != "localhost":
        raise Invalid(f"calls to {host} are not declared; list the host in [outgoing] hosts")


def table(findings: list[Finding]) -> Table:
    found = Table("", "what", "where", box=None)
    for one in findings:
        mark = "[red]no[/red]" if one.trouble else "[green]ok[/green]"
        found.add_row(mark, one.thing, escape(one.found))
    return found
