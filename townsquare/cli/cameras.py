"""`townsquare cameras`: cameras of the running town, tried, declared, live and taken away."""

import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.model.errors import Invalid

PATH = "/cameras/registrations"
LOOKS_S = 60.0  # that a trial takes at most

cameras = typer.Typer(no_args_is_help=True, help="Cameras that are connected while the town runs.")
Name = Annotated[str, typer.Argument(help="Short and lasting: a-z, 0-9 and . _ - after the first.")]
Url = Annotated[str, typer.Argument(help="rtsp:// or http(s):// of its stream, without a login.")]
User = Annotated[
    str, typer.Option(help="Of the camera's login; the password is asked for, or comes by a pipe.")
]


@cameras.command("list")
def list_(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """List what was declared here, and what each lacks; townsquare.toml has the others."""
    table = Table("name", "state", "title", "lacks", box=None)
    for one in ask(data_folder(settings, data), "GET", PATH):
        title = str(one["declared"].get("title", ""))
        table.add_row(one["name"], one["state"], title, "; ".join(one["lacks"]))
    Console().print(table)


@cameras.command()
def find(
    address: Annotated[
        str, typer.Argument(help="Such as 192.0.2.7 or 192.0.2.0/28; without one, whoever answers.")
    ] = "",
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Look for cameras that speak ONVIF, as the town's machine sees the network."""
    found = ask(data_folder(settings, data), "POST", "/cameras/find", {"address": address})
    table = Table("address", "name", "hardware", "ONVIF", box=None)
    for one in found:
        table.add_row(one["address"], one["name"], one["hardware"], one["onvif"])
    Console().print(table if found else "None answers.")


@cameras.command()
def streams(
    onvif: Annotated[str, typer.Argument(help="As `townsquare cameras find` shows it.")],
    user: User = "",
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Ask a camera by ONVIF what it is and which streams it has."""
    wish = {"onvif": onvif, **login(user)}
    told = ask(data_folder(settings, data), "POST", "/cameras/find/streams", wish)
    what = f"{told['make']} {told['model']} {told['firmware']}"
    typer.echo(f"{what}; profiles {', '.join(told['profiles']) or 'unknown'}")
    table = Table("name", "codec", "pictures", "a second", "url", box=None)
    for one in told["streams"]:
        size = f"{one['width']} x {one['height']}"
        table.add_row(one["name"], one["codec"], size, str(one["framesPerSecond"]), one["url"])
    Console().print(table)


@cameras.command("try")
def try_(
    url: Url, user: User = "", settings: SettingsFile = SETTINGS, data: DataFolder = None
) -> None:
    """Say whether a camera answers, and how large its pictures are; exit code 1 if it does not."""
    folder = data_folder(settings, data)
    begun = ask(folder, "POST", "/cameras/trial", {"url": url, **login(user)})
    path, end = f"/cameras/trial/{begun['trial']}", time.monotonic() + LOOKS_S
    found = begun
    while found["state"] == "starting" and time.monotonic() < end:
        time.sleep(0.5)
        found = ask(folder, "GET", path)
    ask(folder, "DELETE", path)
    if found["state"] != "seeing" or not found["size"]:
        typer.echo(found["trouble"] or f"no picture within {LOOKS_S:.0f} s", err=True)
        raise typer.Exit(1)
    width, height = found["size"]
    typer.echo(f"It sends pictures of {width} x {height}.")


@cameras.command()
def add(  # noqa: PLR0913 - each is an option of the command
    name: Name,
    url: Url,
    title: Annotated[str, typer.Option(help="What people read.")],
    at: Annotated[tuple[float, float], typer.Option(help="Longitude and latitude, degrees.")],
    purpose: Annotated[list[str], typer.Option(help="What for; can be given again.")],
    legal_basis: Annotated[str, typer.Option(help="The law that permits it.")] = "",
    owner: Annotated[str, typer.Option(help="Who answers for it.")] = "",
    review: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    assessment: Annotated[str, typer.Option(help="Where the impact assessment lies.")] = "",
    assessed: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    counts: Annotated[list[str] | None, typer.Option(help="person, car, …; again.")] = None,
    looks: Annotated[
        tuple[float, float] | None, typer.Option(help="Degrees from north, and width of its view.")
    ] = None,
    user: User = "",
    live: Annotated[bool, typer.Option("--live", help="Watch it at once.")] = False,
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Declare a camera; lines and zones are drawn on its picture in the browser."""
    declared: dict[str, Any] = {
        "title": title,
        "url": url,
        "position": {"lon": at[0], "lat": at[1]},
        "purposes": purpose,
        "legal_basis": legal_basis,
        "owner": owner,
    }
    if review:
        declared["review"] = f"{review:%Y-%m-%d}"
    if assessment and assessed:
        made = {"reference": assessment, "completed": f"{assessed:%Y-%m-%d}"}
        declared["impact_assessment"] = made
    if counts:
        declared["classes"] = counts
    if looks:
        declared |= {"direction": looks[0], "view_deg": looks[1]}
    folder = data_folder(settings, data)
    wish = {"name": name, "declared": declared, **login(user)}
    made = ask(folder, "POST", PATH, wish)
    if live:
        made = ask(folder, "POST", f"{PATH}/{name}/live", {"version": made["version"]})
    tell(made)


@cameras.command()
def live(name: Name, settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Watch a camera that was declared, from now on."""
    folder = data_folder(settings, data)
    version = ask(folder, "GET", f"{PATH}/{name}")["version"]
    tell(ask(folder, "POST", f"{PATH}/{name}/live", {"version": version}))


@cameras.command()
def remove(
    name: Name,
    because: Annotated[str, typer.Option(help="Why; the log keeps it.")],
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Take a camera away: its counts stay, its login is destroyed."""
    folder = data_folder(settings, data)
    version = ask(folder, "GET", f"{PATH}/{name}")["version"]
    ask(folder, "POST", f"{PATH}/{name}/remove", {"version": version, "because": because})
    typer.echo(f"{name} is taken away.")


@cameras.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A camera a line.")],
    live: Annotated[bool, typer.Option("--live", help="Watch them at once.")] = False,
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Declare many from a CSV: all of them, or none and each wrong line is told."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Invalid(f"cannot read {file}: {error.strerror}") from error
    path = "/cameras/file?live" if live else "/cameras/file"
    said = ask(data_folder(settings, data), "POST", path, content)
    for wrong in said["wrong"]:
        typer.echo(f"{file} line {wrong['line']}: {wrong['why']}", err=True)
    if said["wrong"]:
        raise typer.Exit(2)
    typer.echo(f"{said['declared']} cameras are {'live' if live else 'declared'}.")


def login(user: str) -> Mapping[str, Any]:
    """The password never stands on a command line, which others of this machine can read."""
    if not user:
        return {}
    typed = sys.stdin.isatty()
    password = typer.prompt("Password", hide_input=True) if typed else sys.stdin.readline()
    return {"login": {"user": user, "password": password.rstrip("\r\n")}}


def tell(made: Mapping[str, Any]) -> None:
    typer.echo(f"{made['name']} is {made['state']}.")
    for lacking in made["lacks"]:
        typer.echo(f"  before it goes live: {lacking}")
