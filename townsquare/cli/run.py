"""`townsquare run`: serve a town until it is asked to end."""

import os
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from townsquare import app
from townsquare.app.messages import outlet
from townsquare.web.auth import Mode

Port = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Port on this machine, instead of the one in the settings."
    ),
]
SettingsFile = Annotated[Path, typer.Option("--settings", help="The town's settings.")]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        help="Folder for everything that is kept.", show_default="data, beside the settings"
    ),
]
SETTINGS = Path("townsquare.toml")


def run(
    settings: SettingsFile = SETTINGS,
    port: Port = None,
    data: DataFolder = None,
    open: Annotated[
        bool, typer.Option("--open", help="No login; for tests and benches on this machine only.")
    ] = False,
) -> None:
    """Run the town that the settings describe."""
    start(settings, data_folder(settings, data), port, "open" if open else "login")


def data_folder(settings: Path, data: Path | None) -> Path:
    return data or settings.resolve().parent / "data"


def start(file: Path, data: Path, port: int | None, mode: Mode) -> None:
    """Raises CannotStart or Invalid."""
    # Where there are no settings and none were named, a town without cameras runs.
    bare = file == SETTINGS and not file.exists()
    os.umask(0o077)  # what the town keeps is for its own account only
    settings = app.Settings() if bare else app.load(file)
    place = app.Place(data, file.resolve().parent, port or settings.web.port)
    with outlet.opened(settings.messages):
        uvloop.run(app.serve(settings, place, mode))
