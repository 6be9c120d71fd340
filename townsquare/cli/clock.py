"""`townsquare clock`: whether the running town believes the clock of its server."""

from typing import Annotated

import typer

from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder

clock = typer.Typer(no_args_is_help=True, help="The server's clock, as the town believes it.")


@clock.command()
def show(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """What time it is, and what is wrong with that."""
    _print(ask(data_folder(settings, data), "GET", "/commands/clock"))


@clock.command()
def confirm(
    reason: Annotated[str, typer.Option(help="How you know that it is right.")],
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Say that the clock is right after all: an entry of the log, with the reason."""
    _print(ask(data_folder(settings, data), "POST", "/commands/clock", {"reason": reason}))


def _print(told: dict[str, str]) -> None:
    typer.echo(f"The town's clock says {told['now']}; for certain it is {told['sure']} at least.")
    typer.echo(told["trouble"] or "Nothing is wrong with it.")
