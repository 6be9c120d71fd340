"""`townsquare accounts`: the link for the first person, and for an administrator locked out."""

from typing import Annotated

import typer

from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder

accounts = typer.Typer(no_args_is_help=True, help="People who may come in.")


@accounts.command()
def enrol(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Print a new link for the first person, while nobody is enrolled."""
    found = ask(data_folder(settings, data), "POST", "/commands/enrolment", {})
    typer.echo(found["link"])


@accounts.command()
def recover(
    reason: Annotated[str, typer.Option(help="What happened, and how you know who asks.")],
    id: Annotated[str, typer.Option(help="Whose account, where there are several.")] = "",
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Print a link for an administrator whose passkey is lost: an alarm, and public at /figures."""
    wish = {"reason": reason, "id": id}
    found = ask(data_folder(settings, data), "POST", "/commands/recovery", wish)
    typer.echo(found["link"])
    typer.echo("It works once, within a day. Everybody is told that it was made.", err=True)


@accounts.callback()
def _accounts() -> None:
    """People who may come in; all but the first are invited on the page /accounts."""
