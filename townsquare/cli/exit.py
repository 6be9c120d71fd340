"""`townsquare export` and `import`: everything in open formats, and a town from it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from townsquare import app
from townsquare.app.exit import arriving, leaving
from townsquare.cli.backup import progress, settings_or_none
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder


def export(
    folder: Annotated[Path, typer.Argument(help="New folder for it.")],
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Write all that the town has as NGSI-LD, CSV and JSON, to be read without Townsquare."""
    os.umask(0o077)
    here = data_folder(settings, data)
    made = leaving.export(settings_or_none(settings), settings, here, folder, progress())
    typer.echo(
        f"Wrote {folder}: {made.entities} entities, {made.instances} instances of the past,"
        f" {made.entries} entries of the log. {folder}/README.txt says what is where."
    )
    typer.echo(f"  townsquare log verify {folder}\n  townsquare import {folder} --data NEW")


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
