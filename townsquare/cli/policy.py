"""`townsquare policy`: read the policy in force, compare it with the texts here, propose these."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from townsquare.cli.inside import ask
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.trust import texts

policy = typer.Typer(no_args_is_help=True, help="Who may do what: show, diff, propose, status.")
Save = Annotated[Path | None, typer.Option(help="Write the texts into this folder.")]


@policy.command()
def show(settings: SettingsFile = SETTINGS, data: DataFolder = None, save: Save = None) -> None:
    """Print the texts that are in force, or write them into a folder."""
    for name, text in sorted(in_force(data_folder(settings, data)).items()):
        if save:
            save.mkdir(parents=True, exist_ok=True)
            (save / name).write_text(text, encoding="utf-8")
        else:
            typer.echo(f"# {name}\n{text}")


@policy.command()
def diff(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Compare what is in force with the folder policies beside the settings."""
    old = in_force(data_folder(settings, data))
    new = texts.beside(settings.resolve().parent / "policies")
    if old == new:
        typer.echo("no difference: the texts here are those in force")
    for name in sorted({*old, *new}):
        before, after = old.get(name, "").splitlines(), new.get(name, "").splitlines()
        lines = difflib.unified_diff(before, after, f"in force/{name}", f"here/{name}", lineterm="")
        for line in lines:
            typer.echo(line)


@policy.command()
def propose(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Propose the texts beside the settings; what gives nobody more is in force at once."""
    told = ask(data_folder(settings, data), "POST", "/policy/versions")
    if not told["wider"]:
        typer.echo(f"{told['version']} is in force: it gives nobody more than before.")
        return
    typer.echo(
        f"{told['version']} needs two approvers of different organisations, within 15"
        " minutes, at /approvals:"
    )
    tell(told)


@policy.command()
def status(settings: SettingsFile = SETTINGS, data: DataFolder = None) -> None:
    """Say which policy is in force, and what waits."""
    told = ask(data_folder(settings, data), "GET", "/policy/versions")
    if told["closed"]:
        typer.echo(f"The town is closed: {told['closed']}")
    if now := told["inForce"]:
        typer.echo(f"In force since {now['since']} ({now['leave']}): {now['hash']}")
    for one in told["waiting"]:
        typer.echo(f"{one['status']}: {one['hash']}")
        tell(one["changes"])


def tell(changes: dict[str, Any]) -> None:
    """What would change for whom; in words, as approvers sign it."""
    for title, told in (("gives more:", changes["gains"]), ("gives less:", changes["losses"])):
        if told:
            typer.echo(f"  {title}")
        for said in told:
            who = f"{said['who']}: " if said["who"] else ""
            typer.echo(f"    {who}{said['words']}")


def in_force(data: Path) -> dict[str, str]:
    """Empty where none is."""
    told: dict[str, Any] = ask(data, "GET", "/policy/versions")
    found: dict[str, str] = (told["inForce"] or {}).get("texts", {})
    return found
