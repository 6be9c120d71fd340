"""Entries of the log to hand out, each with the proof that it is in the tree that was signed.

Always holds: `townsquare log verify` and the verifier that auditors have check what is in it,
without the town. What was not signed yet cannot be proven and is left out, which is said in it.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence

import msgspec

from townsquare.context.ledger import Logged
from townsquare.model.entity import Json
from townsquare.trust import proven
from townsquare.trust.log import Log

COPIED = ("key", "witnesses")  # files of the log


def extract(log: Log, found: Sequence[Logged], asked: Mapping[str, Json]) -> bytes:
    """A ZIP archive. Raises Unavailable."""
    top = proven.top(log)
    there = sorted((one for one in found if one.index < top.size), key=lambda one: one.index)
    lines = [msgspec.json.encode(proven.proven(log, one, top.size)) + b"\n" for one in there]
    told = {**asked, "entries": len(there), "notSignedYet": len(found) - len(there)}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("checkpoint", log.published)
        file.writestr("records.jsonl", b"".join(lines))
        file.writestr("asked.json", msgspec.json.format(msgspec.json.encode(told), indent=2))
        for name in COPIED:
            if (log.folder / name).is_file():
                file.writestr(name, (log.folder / name).read_bytes())
    return archive.getvalue()
