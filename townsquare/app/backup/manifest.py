"""What a backup says of itself: what is in it, of when, and what is not in it.

Always holds: what is read from one is safe to act upon: its paths stay in the folder, and its
schema is one that this program can bring up.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePosixPath

import msgspec
from msgspec import Struct, field

from townsquare.model.errors import Invalid
from townsquare.store import copies

NAME = "manifest.json"
WHAT, FORM = "townsquare backup", 1
DIGEST = re.compile(r"[0-9a-f]{64}")
LEFT_OUT: Mapping[str, str] = {
    "secrets": "kept apart, sealed to your own key: townsquare backup --secrets FILE --key KEY",
    "hour-keys": "keys of footage end with their hour; in a backup they would outlive it",
    "sealed": "footage; without the keys of its hours it opens for nobody",
    "openings": "what custodians released for an opening that runs; it is asked for anew",
    "drills": "a drill that runs; it is begun anew",
}


class File(Struct, frozen=True):
    path: str
    bytes: int
    sha256: str


class LogState(Struct, frozen=True):
    """`checkpoint` is the note that was signed last: origin, size, root and signature."""

    entries: int
    checkpoint: str


class Manifest(Struct, frozen=True):
    """`url` is that of the store, which never holds a password."""

    townsquare: str
    made_at: datetime
    store: str
    url: str
    schema: int
    rows: Mapping[str, int]
    log: LogState
    settings: str  # file, where there is one
    files: tuple[File, ...]
    left_out: Mapping[str, str] = field(default_factory=lambda: LEFT_OUT)
    what: str = WHAT
    form: int = FORM

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def written(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def read(text: bytes, where: str) -> Manifest:
    """Raises Invalid."""
    try:
        found = msgspec.json.decode(text, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Invalid(f"{where} is no backup of a town: {NAME} cannot be read ({error})") from error
    if found.what != WHAT or found.form > FORM:
        raise Invalid(
            f"{where} was made by townsquare {found.townsquare} in a form that this one does not"
            " know; restore it with that version"
        )
    for file in found.files:
        _require_good(file, where)
    return found


def require_schema(manifest: Manifest, where: str) -> None:
    """A database file is brought up when the town starts; tables of a server are not. Raises
    Invalid.
    """
    ours = copies.schema(manifest.store)
    older_is_fine = manifest.store == copies.SQLITE
    if manifest.schema > ours or (manifest.schema < ours and not older_is_fine):
        raise Invalid(
            f"{where} has a database of schema {manifest.schema}, made by townsquare"
            f" {manifest.townsquare}; this one has schema {ours}: restore it with that version"
            + ("" if manifest.schema > ours else ", start it, then start this one")
        )


def _require_good(file: File, where: str) -> None:
    path = PurePosixPath(file.path)
    odd = path.is_absolute() or ".." in path.parts or str(path) != file.path or "\0" in file.path
    if odd or not DIGEST.fullmatch(file.sha256):
        raise Invalid(f"{where} names the file {file.path[:200]!r}, which no backup has")
