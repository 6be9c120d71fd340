"""Passwords, keys and tokens. Entities and settings hold `secret:NAME`, never the value.

Values lie in DATA/secrets/NAME (0600) or in the environment as TOWNSQUARE_SECRET_NAME.
"""

import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from townsquare.model.errors import CannotStart, Invalid

TOKEN_BYTES = 32  # random; as text they are 43 characters
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
    return _read(file)


def token(file: Path) -> str:
    """A random token that is kept in `file`; made when it is first asked for.

    Raises CannotStart for a file that others can read, or that holds too little to be one: a
    token that was cut short would let in whoever guesses the rest.
    """
    found = kept(file, lambda: secrets.token_urlsafe(TOKEN_BYTES))
    if len(found) < TOKEN_BYTES:
        raise CannotStart(f"{file} holds no token; delete it, and a new one is made")
    return found


def kept(file: Path, made: Callable[[], str]) -> str:
    """What is kept in `file`; made when it is first asked for. Raises CannotStart."""
    if not file.exists():
        write(file, made())
    return _read(file)


def _read(file: Path) -> str:
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CannotStart(f"others can read the secret {file}; run: chmod 600 {file}")
    return file.read_text().strip()


def write(file: Path, value: str) -> None:
    """Whole or not at all, and from its first moment for the owner only. Raises CannotStart."""
    unfinished = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(value + "\n")
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise CannotStart(f"cannot write {file}: {error.strerror}") from error
