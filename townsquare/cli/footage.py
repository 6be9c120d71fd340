"""`townsquare footage`: for who asked for footage: a one-time key, opening, and verifying."""

from pathlib import Path
from typing import Annotated

import typer

from townsquare.cli import custodian, footage_verifier, unsealing
from townsquare.cli.custodian import Wrong
from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.cli.verifier import Wrong as NotVerified
from townsquare.model.errors import Denied, Invalid

footage = typer.Typer(
    no_args_is_help=True, help="Footage that two custodians open: a key, opening, verifying."
)


@footage.command()
def key(
    file: Annotated[Path, typer.Argument(help="Where the one-time key is kept.")],
    name: Annotated[str, typer.Option(help="A name for it.")] = "request",
) -> None:
    """Make a one-time key, and print the line that goes into the request."""
    try:
        typer.echo(custodian.keygen(name, file).line)
    except Wrong as wrong:
        raise Invalid(str(wrong)) from wrong


@footage.command()
def trust(file: Path, town: str, log: str) -> None:
    """Say which town it is for: its address, and the key of its log from somebody you trust."""
    try:
        custodian.trust(file, town, log)
    except Wrong as wrong:
        raise Invalid(str(wrong)) from wrong


@footage.command("open")
def open_(file: Path, opening: str, folder: Path) -> None:
    """Fetch what two custodians released, check and open it into a new FOLDER."""
    try:
        made = unsealing.export(custodian.load(file), opening, folder, typer.echo)
    except Wrong as wrong:
        raise Denied(str(wrong)) from wrong
    typer.echo(f"{made.segments} segments in {made.folder}; {made.gaps} gaps, see opening.json")
    for why in made.lost:
        typer.echo(f"not opened: {why}", err=True)


@footage.command()
def verify(folder: Path, log: str, witness: list[str] | None = None) -> None:
    """Check an export against the key of the town's LOG, without the town."""
    try:
        typer.echo(footage_verifier.verify(folder, log, *(witness or ())))
    except (NotVerified, KeyError, ValueError, OSError) as wrong:
        raise Denied(f"wrong: {wrong}") from wrong


@footage.command()
def terms(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Ask approvers for the terms of recording that stand in the settings, where they wait."""
    asked = ask(data_folder(settings, data), "POST", "/sealed/terms")
    typer.echo(f"Two approvers of two organisations answer at /approvals: {asked['approval']}")
