"""`townsquare init`: settings to begin with. Never overwrites."""

from pathlib import Path
from typing import Annotated

import typer

from townsquare.model.errors import CannotStart

TEMPLATE = Path(__file__).with_name("townsquare.toml")


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for the settings.")],
) -> None:
    """Write a commented townsquare.toml into a folder."""
    file = folder / "townsquare.toml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as new:
            new.write(TEMPLATE.read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise CannotStart(f"{error.filename} is there already and stays as it is") from error
    except OSError as error:
        raise CannotStart(f"cannot write {file}: {error.strerror}") from error
    typer.echo(f"Wrote {file}. Name your town and a camera in it, then:")
    typer.echo(f"  townsquare check --settings {file}")
    typer.echo(f"  townsquare run --settings {file}")
