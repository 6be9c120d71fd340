"""`townsquare doctor`: is the town well, and what is to be done next?"""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from townsquare import app
from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.web.doctor.finding import STATES, TITLES
from townsquare.web.doctor.page import line
from townsquare.web.doctor.rounds import checked

COLOURS = {"alarm": "red", "warning": "yellow", "unknown": "blue", "good": "green"}


def doctor(
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
    all: Annotated[bool, typer.Option("--all", help="Also what is good, one by one.")] = False,
) -> None:
    """Check disk, clock, database, cameras and more, of a town that runs or is off; exit code 2
    where something needs a person now.
    """
    folder = data_folder(settings, data)
    if (folder.absolute() / "control.sock").is_socket():
        found = ask(folder, "GET", "/commands/doctor")
    else:
        bare = settings == SETTINGS and not settings.exists()
        town = app.Settings() if bare else app.load(settings)
        place = app.Place(folder, settings.resolve().parent, town.web.port)
        found = [line(one) for one in checked(app.of_a_town_that_is_off(town, place))]
        typer.echo(f"No town runs on {folder}: what only a running one knows is unknown.")
    for one in sorted(found, key=_rank):
        if all or one["state"] != "good":
            for text in told(one):
                typer.echo(text)
    good = sum(one["state"] == "good" for one in found)
    typer.echo(f"{good} of {len(found)} are good." + ("" if all else " --all lists them too."))
    if any(one["state"] == "alarm" for one in found):
        raise typer.Exit(2)


def _rank(one: dict[str, Any]) -> tuple[int, int]:
    return list(STATES).index(one["state"]), list(TITLES).index(one["check"])


def told(one: dict[str, Any]) -> Iterator[str]:
    state = typer.style(f"{one['state']:8}", fg=COLOURS[one["state"]])
    about = f", {one['subject']}" if one["subject"] else ""
    since = f" (since {one['since'][:16].replace('T', ' ')} UTC)" if one["since"] else ""
    yield f"{state} {TITLES[one['check']]}{about}: {one['seen']}{since}"
    if one["next"]:
        yield f"{'':8} → {one['next']}"
