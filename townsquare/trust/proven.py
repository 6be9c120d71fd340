"""Entries of the log with what proves them: the published checkpoint, and the way up to it."""

from base64 import b64encode

from townsquare.model.entity import Json
from townsquare.model.errors import Unavailable
from townsquare.store.logged import Logged
from townsquare.trust.log import Log
from townsquare.trust.note import Checkpoint, checkpoint


def top(log: Log) -> Checkpoint:
    """The last that is published. Raises Unavailable before the first one."""
    found = checkpoint(log.published, log.key) if log.published else None
    if found is None:
        raise Unavailable("the log is not signed yet; try again in a few seconds")
    return found


def proven(log: Log, one: Logged, size: int) -> dict[str, Json]:
    """For the tree of this size; all bytes are base64."""
    return {
        "index": one.index,
        "record": one.entry.record.decode(),
        "salt": _text(one.entry.salt),
        "commitment": _text(one.entry.commitment),
        "proof": [_text(hash) for hash in log.inclusion(one.index, size)],
    }


def _text(raw: bytes) -> str:
    return b64encode(raw).decode()
