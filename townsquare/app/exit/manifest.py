"""What an export says of itself, and where in it things lie."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, unquote

import msgspec
from msgspec import Struct, field

from townsquare.app.backup.manifest import File
from townsquare.model.errors import Invalid
from townsquare.store import RowKind

NAME, README = "manifest.json", "README.txt"
WHAT, FORM = "townsquare export", 1
ENTITIES, EXACT, PAST, KEPT = "entities.jsonl", "exact.jsonl", "history.csv", "kept.jsonl"
OPEN_KINDS: tuple[RowKind, ...] = ("subscription", "registration", "document", "map")
DEFAULT, TENANT = "default", "tenant-"
LEFT_OUT = {
    "secrets": "passwords, tokens, keys of the log: `townsquare backup --secrets` has them",
    "accounts": "names, passkeys and hashes of tokens; the new town has its own",
    "footage": "sealed footage and keys of its hours end here",
}


class Export(Struct, frozen=True):
    townsquare: str
    made_at: datetime
    entities: int
    instances: int
    entries: int
    files: tuple[File, ...]
    left_out: Mapping[str, str] = field(default_factory=lambda: LEFT_OUT)
    what: str = WHAT
    form: int = FORM


def read(text: bytes, where: str) -> Export:
    """Raises Invalid."""
    try:
        found = msgspec.json.decode(text, type=Export)
    except msgspec.MsgspecError as error:
        raise Invalid(f"{where} is no export of a town: {NAME} cannot be read ({error})") from error
    if found.what != WHAT or found.form > FORM:
        raise Invalid(f"{where} is no export that this version knows; it has form {found.form}")
    return found


def folder_of(tenant: str) -> str:
    return f"{TENANT}{quote(tenant, safe='')}" if tenant else DEFAULT


def tenant_of(folder: str) -> str:
    return unquote(folder.removeprefix(TENANT)) if folder != DEFAULT else ""
