"""How the log stands, in plain words: its length, when it was signed, and who outside watches it.

Always holds: what is wrong is said in words, and a witness that never cosigned is not called well.
"""

from datetime import datetime

from msgspec import Struct

from townsquare.model.texts import later, text
from townsquare.web.notary import STALE, Notary

NOBODY = later("Nobody outside the town hall watches this log yet.")
NEVER = later("No witness has cosigned this log yet.")
QUIET = later("No witness has cosigned this log for more than a day.")
BROKEN = later("The log is not in order, and nobody is let in until it is: {trouble}.")


class Watcher(Struct, frozen=True):
    """A witness; `at` is when it cosigned last, `late` whether that is over a day ago, or never."""

    name: str
    at: datetime | None
    late: bool


class Standing(Struct, frozen=True):
    """Of the last checkpoint; `wrong` is empty where nothing is."""

    size: int
    signed_at: datetime | None
    watchers: tuple[Watcher, ...]
    wrong: str


def standing(notary: Notary, now: datetime) -> Standing:
    log, last = notary.log, notary.witnesses.last()
    watchers = tuple(Watcher(name, at, not at or now - at > STALE) for name, at in last.items())
    size = log.signed.size if log.signed else 0
    return Standing(size, log.signed_at, watchers, _wrong(notary, watchers))


def _wrong(notary: Notary, watchers: tuple[Watcher, ...]) -> str:
    if notary.trouble:
        return text(BROKEN, trouble=notary.trouble)
    unwatched = watched_by_nobody(watchers)
    return text(unwatched) if unwatched else ""


def watched_by_nobody(watchers: tuple[Watcher, ...]) -> str:
    """Why that is so, as an English text; empty where somebody watches."""
    if not watchers:
        return NOBODY
    if all(watcher.late for watcher in watchers):
        return QUIET if any(watcher.at for watcher in watchers) else NEVER
    return ""
