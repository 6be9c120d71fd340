"""The town's secrets, sealed to a key that only who runs the town has.

Sealing is that of footage (trust/seal/keys.py). Always holds: they never lie in the same file as
the backup; who can read the town's machine can make the file, and not open it again elsewhere.
"""

import os
from base64 import b64decode, b64encode
from pathlib import Path

import msgspec
from msgspec import Struct

from townsquare.app.backup.files import require_absent
from townsquare.model.errors import CannotStart, Invalid
from townsquare.trust import secret
from townsquare.trust.seal.keys import NotOpened, OpeningKey, SealingKey, fresh

FOLDER = "secrets"  # in the data folder
ANEW = frozenset({"control-token"})  # made at each place
INFO = b"secrets of a townsquare 1"
WHAT = "secrets of a townsquare"
PUBLIC, PRIVATE = "townsquare-backup-public", "townsquare-backup-secret"


class Sealed(Struct, frozen=True):
    what: str
    key: str  # thumbprint
    sealed: bytes


def new_key(file: Path) -> Path:
    """The secret half goes into the file, the other beside it: its path. Raises AlreadyExists."""
    public = file.with_name(f"{file.name}.pub")
    for one in (file, public):
        require_absent(one)
    made = fresh()
    secret.write(file, f"{PRIVATE} {b64encode(made.seed).decode()}")
    secret.write(public, f"{PUBLIC} {b64encode(made.public.raw).decode()}")
    return public


def require_good(file: Path, key: Path) -> None:
    """Before anything is made. Raises AlreadyExists, CannotStart, Invalid."""
    require_absent(file)
    SealingKey(_key(key, PUBLIC))


def save(data: Path, file: Path, key: Path) -> str:
    """The thumbprint of the key that opens it. Raises AlreadyExists, CannotStart, Invalid."""
    require_absent(file)
    public = SealingKey(_key(key, PUBLIC))
    found = sorted((data / FOLDER).glob("[a-z0-9]*"))
    kept = {one.name: one.read_text() for one in found if one.name not in ANEW}
    sealed = public.seal(msgspec.json.encode(kept), INFO)
    text = msgspec.json.encode(Sealed(WHAT, public.thumbprint, sealed)).decode()
    secret.write(file, text)
    return public.thumbprint


def bring_back(file: Path, key: Path, data: Path) -> list[str]:
    """Names of what is in DATA/secrets then. Raises Invalid where it is sealed to another key."""
    kept = opened(file, key)
    for name, value in kept.items():
        secret.write(data / FOLDER / name, value.rstrip("\n"))
    return sorted(kept)


def opened(file: Path, key: Path) -> dict[str, str]:
    mine = OpeningKey(_key(key, PRIVATE))
    try:
        found = msgspec.json.decode(_text(file), type=Sealed)
    except msgspec.MsgspecError as error:
        raise Invalid(f"{file} holds no sealed secrets of a town") from error
    try:
        kept = msgspec.json.decode(mine.open(found.sealed, INFO), type=dict[str, str])
    except NotOpened as error:
        raise Invalid(
            f"{file} is sealed to the key {found.key}, and {key} is {mine.public.thumbprint}"
        ) from error
    if strange := [name for name in kept if not secret.NAME.fullmatch(f"secret:{name}")]:
        raise Invalid(f"{file} holds {strange[0][:80]!r}, which is no name of a secret")
    return kept


def _key(file: Path, kind: str) -> bytes:
    found, _, rest = _text(file).strip().partition(" ")
    if found != kind:
        other = "FILE.pub" if kind == PUBLIC else "the file without .pub"
        raise Invalid(f"{file} is no such key: name {other} of `townsquare backup-key FILE`")
    try:
        return b64decode(rest, validate=True)
    except ValueError as error:
        raise Invalid(f"the key {file} is not whole") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = os.strerror(error.errno or 0) if isinstance(error, OSError) else "it is no text"
        raise CannotStart(f"cannot read {file}: {why}") from error
