"""Passwords, keys and tokens. Entities and settings hold `secret:NAME`, never the value.

Values lie in DATA/secrets/NAME (0600) or in the environment as TOWNSQUARE_SECRET_NAME.
"""

import os
import re
import secrets
from pathlib import Path

from townsquare.model.errors import CannotStart, Invalid

NAME = re.compile(r"secret:([a-z0-9][a-z0-9-]*)")


def resolve(reference: str, folder: Path) -> str:
    """The value behind `secret:NAME`. Raises Invalid where there is none."""
    match = NAME.fullmatch(reference)
    if not match:
        raise Invalid(f"{reference!r} is no reference to a secret; write secret:NAME")
    name = match[1]
    variable = "TOWNSQUARE_SECRET_" + name.upper().replace("-", "_")
    if value := os.environ.get(variable):
        return value
    file = folder / "secrets" / name
    if not file.is_file():
        raise Invalid(f"secret {name!r} is missing: put it in {file} or in {variable}")
    return file.read_text().strip()


def token(name: str, folder: Path) -> str:
    """A random token kept in DATA/secrets/NAME; made when it is first asked for."""
    return token_file(folder / "secrets" / name)


def token_file(file: Path) -> str:
    if not file.is_file():
        write(file, secrets.token_urlsafe(32))
    return file.read_text().strip()


def write(file: Path, value: str) -> None:
    """Readable by the owner only from the moment it exists. Raises CannotStart."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise CannotStart(f"cannot write {file}: {error.strerror}") from error
    with os.fdopen(handle, "w") as out:
        out.write(value + "\n")
