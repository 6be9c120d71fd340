"""`townsquare backup`, `backup-key` and `restore`: a copy of the town, and a town from it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from townsquare import app
from townsquare.app.backup import making, restoring, safe
from townsquare.cli.run import SETTINGS, DataFolder, SettingsFile, data_folder
from townsquare.model.errors import Invalid

MILLION = 1_000_000
STEP = 0.1  # of the whole, after which it is said again
Told = Callable[[str, int, int], None]
Secrets = Annotated[
    Path | None, typer.Option(help="File for the town's secrets, sealed to your key.")
]


def backup(
    target: Annotated[Path, typer.Argument(help="New folder, or new file ending in .tar.")],
    secrets: Secrets = None,
    key: Annotated[
        Path | None, typer.Option(help="FILE.pub of townsquare backup-key, to seal secrets to.")
    ] = None,
    settings: SettingsFile = SETTINGS,
    data: DataFolder = None,
) -> None:
    """Copy the town as it is now, while it runs or not."""
    os.umask(0o077)
    folder = data_folder(settings, data)
    pair = _pair(secrets, key)
    if pair:
        safe.require_good(*pair)
    made = making.backup(settings_or_none(settings), settings, folder, target, progress())
    rows = ", ".join(f"{number} in {table}" for table, number in made.rows.items())
    typer.echo(f"Wrote {target}: {made.bytes / 1e6:.1f} MB in {len(made.files)} files; {rows}.")
    typer.echo(f"The log has {made.log.entries} entries. Try it: townsquare restore {target} NEW")
    if pair:
        thumbprint = safe.save(folder, *pair)
        typer.echo(f"Secrets are in {pair[0]}, for the key {thumbprint}. Keep them apart.")
    else:
        typer.echo("Secrets are not in it, and without them the town's log cannot go on:")
        typer.echo("  townsquare backup-key FILE, then backup with --secrets NEW --key FILE.pub")


def backup_key(
    file: Annotated[Path, typer.Argument(help="Where the key is kept: not on this machine.")],
) -> None:
    """Make the key that a town's secrets are sealed to in backups."""
    os.umask(0o077)
    public = safe.new_key(file)
    typer.echo(f"Wrote {file}, which opens the secrets: take it to a safe place, twice.")
    typer.echo(f"Wrote {public}, which seals them: townsquare backup … --key {public}")


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="Made by townsquare backup.")],
    folder: Annotated[Path, typer.Argument(help="Data folder for it: new, or empty.")],
    secrets: Secrets = None,
    key: Annotated[Path | None, typer.Option(help="The key that opens the secrets.")] = None,
    settings: Annotated[
        Path | None, typer.Option(help="Settings with another [store], for a PostgreSQL server.")
    ] = None,
) -> None:
    """Check a backup, every file of it, and make a data folder of it."""
    os.umask(0o077)
    pair = _pair(secrets, key)
    made = restoring.restore(source, folder, progress(), pair, settings)
    typer.echo(f"Restored {len(made.files)} files of {made.made_at:%Y-%m-%d %H:%M} UTC; all fit.")
    if not pair:
        typer.echo(f"Without its secrets the log cannot go on: put them into {folder}/secrets.")
    kept = folder / making.SETTINGS / made.settings
    named = f"--settings {kept} " if made.settings and not settings else ""
    typer.echo(f"  townsquare log verify {folder}\n  townsquare run {named}--data {folder}")


def settings_or_none(file: Path) -> app.Settings:
    """A town without settings runs as well."""
    return app.Settings() if file == SETTINGS and not file.exists() else app.load(file)


def _pair(secrets: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    if secrets is None and key is None:
        return None
    if secrets is None or key is None:
        raise Invalid("--secrets and --key come together: the file, and the key for it")
    return secrets, key


def progress() -> Told:
    """Lines on standard error, each time there is a tenth more, or a million where nobody knows."""
    last = {"": -1.0}

    def told(what: str, done: int, total: int) -> None:
        if not total:
            if done % MILLION == 0 and done:
                sys.stderr.write(f"{what}: {done}\n")
            return
        share = done / total
        if share - last.get(what, -1.0) >= STEP or (share >= 1 > last.get(what, -1.0)):
            last[what] = share
            sys.stderr.write(f"{what}: {min(share, 1):.0%}\n")

    return told
