"""`townsquare token`: access tokens of machines, made by the owner of this one."""

from typing import Annotated

import typer

from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder

token = typer.Typer(no_args_is_help=True, help="Access tokens of machines.")


@token.command()
def create(  # noqa: PLR0913 - each is an option of the command
    label: Annotated[str, typer.Argument(help="What the token is for.")],
    role: Annotated[list[str], typer.Option(help="Role of the machine; can be given again.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="Until the token ends.")] = 90,
    organisation: Annotated[str, typer.Option(help="Whose machine; the town's by default.")] = "",
    area: Annotated[list[str] | None, typer.Option(help="Only this area, such as /north.")] = None,
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Make a token and print it: once, since only its hash is kept."""
    wish = {
        "label": label,
        "roles": role,
        "days": days,
        "organisation": organisation,
        "areas": area or [],
    }
    found = ask(data_folder(settings, data), "POST", "/commands/tokens", wish)
    typer.echo(found["token"])


@token.command("list")
def list_(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """List tokens; none is shown itself."""
    for one in ask(data_folder(settings, data), "GET", "/commands/tokens"):
        what = f"{one['label']}, of {one['organisation']}: {', '.join(one['roles'])}"
        typer.echo(f"{one['id']}  {one['status']:<8} until {one['until']}  {what}")


@token.command()
def revoke(
    id: Annotated[str, typer.Argument(help="As `townsquare token list` shows it.")],
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """End a token at once, with its connections."""
    ask(data_folder(settings, data), "POST", "/commands/tokens/revoke", {"id": id})
    typer.echo(f"{id} is revoked.")
