"""Entries of the log to hand out, each with the proof that it is in the tree that was signed.

Always holds: `townsquare log verify` and the verifier that auditors have check what is in it,
without the town. What was not signed yet cannot be proven and is left out, which is said in it.
"""

import io
import zipfile
from base64 import b64encode
from collections.abc import Mapping, Sequence

import msgspec

from townsquare.context.ledger import Logged
from townsquare.model.entity import Json
from townsquare.model.errors import Unavailable
from townsquare.trust.log import Log
from townsquare.trust.note import Checkpoint, checkpoint

COPIED = ("key", "witnesses")  # files of the log


def signed(log: Log) -> Checkpoint:
    """The last that is published. Raises Unavailable before the first one."""
    top = checkpoint(log.published, log.key) if log.published else None
    if top is None:
        raise Unavailable("the log is not signed yet; try again in a few seconds")
    return top


def extract(log: Log, found: Sequence[Logged], asked: Mapping[str, Json]) -> bytes:
    """A ZIP archive. Raises Unavailable."""
    top = signed(log)
    proven = sorted((one for one in found if one.index < top.size), key=lambda one: one.index)
    told = {**asked, "entries": len(proven), "notSignedYet": len(found) - len(proven)}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("checkpoint", log.published)
        file.writestr("records.jsonl", b"".join(_line(log, one, top.size) for one in proven))
        file.writestr("asked.json", msgspec.json.format(msgspec.json.encode(told), indent=2))
        for name in COPIED:
            if (log.folder / name).is_file():
                file.writestr(name, (log.folder / name).read_bytes())
    return archive.getvalue()


def _line(log: Log, one: Logged, size: int) -> bytes:
    told: dict[str, Json] = {
        "index": one.index,
        "record": one.entry.record.decode(),
        "salt": _text(one.entry.salt),
        "commitment": _text(one.entry.commitment),
        "proof": [_text(hash) for hash in log.inclusion(one.index, size)],
    }
    return msgspec.json.encode(told) + b"\n"


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()
