"""`townsquare export` and `import`: everything in open formats, and a town from it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from townsquare import app
from townsquare.app.backup.files import require_absent
from townsquare.app.exit import arriving, leaving, noting
from townsquare.cli import inside
from townsquare.cli.backup import progress, settings_or_none
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.model.errors import CannotStart


def export(
    folder: Annotated[Path, typer.Argument(help="New folder for it.")],
    to: Annotated[str, typer.Option(help="Who gets it; the log says so.")],
    reason: Annotated[str, typer.Option(help="Why; the log says so.")],
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Write all that the town has as NGSI-LD, CSV and JSON, to be read without Townsquare."""
    os.umask(0o077)
    here, town = data_folder(settings, data), settings_or_none(settings)
    require_absent(folder)
    _note(town.store, here, to, reason)
    made = leaving.export(town, settings, here, folder, progress())
    typer.echo(
        f"Wrote {folder}: {made.entities} entities, {made.instances} instances of the past,"
        f" {made.entries} entries of the log. {folder}/README.txt says what is where."
    )
    typer.echo(f"  townsquare log verify {folder}\n  townsquare import {folder} --data NEW")


def _note(store: app.Store, data: Path, to: str, reason: str) -> None:
    """By the town that runs; where none does, in its place."""
    if (data / "control.sock").is_socket():
        with suppress(CannotStart):  # it was killed, and left its socket
            inside.ask(data, "POST", "/log/leaving", {"recipient": to, "reason": reason})
            return
    noting.note(store, data, to, reason)


def import_(
    folder: Annotated[Path, typer.Argument(help="Made by townsquare export.")],
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Check an export, every file of it, and put it into a town that is empty and stopped."""
    os.umask(0o077)
    store = settings_or_none(settings).store
    found = arriving.arrive(folder, store, data_folder(settings, data), app.TYPES, progress())
    typer.echo(f"Imported {found.entities} entities and {found.instances} instances of the past.")
    if found.left:
        typer.echo(
            f"{found.left} entities stay in {folder}: accounts, approvals, policy and custodians"
            " of the old town. The new one has its own."
        )
