"""`townsquare accounts`: the link for the first person."""

import typer

from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder

accounts = typer.Typer(no_args_is_help=True, help="People who may come in.")


@accounts.command()
def enrol(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Print a new link for the first person, while nobody is enrolled."""
    found = ask(data_folder(settings, data), "POST", "/commands/enrolment", {})
    typer.echo(found["link"])


@accounts.callback()
def _accounts() -> None:
    """People who may come in; all but the first are invited on the page /accounts."""
