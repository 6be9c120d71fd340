"""What becomes of sealed footage when a custodian changes, or a key is lost or stolen: tried
with made-up custodians and the code that seals and opens. Pure, but for chance.

Always holds: each claim is what was seen, by trying to open; nothing of the town is read.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from townsquare.model.errors import Invalid
from townsquare.trust.seal import keys, segment, sharing
from townsquare.trust.seal.keys import CustodianKey, OpeningKey
from townsquare.trust.seal.segment import Of, Segment

Kind = Literal["change", "lost", "stolen"]
CONTENT = b"a street that never was"
AT = datetime(2030, 1, 1, tzinfo=UTC)
SIGNING = bytes(32)  # nobody signs here


class Claim(NamedTuple):
    """`text` is what should be so, in English; `held` whether it was."""

    text: str
    held: bool


class Sealed(NamedTuple):
    """A segment of some terms, with the key of its hour while that lasts."""

    terms: str
    names: Sequence[str]
    found: Segment
    hour: OpeningKey | None


class Stage:
    """Made-up custodians, by name."""

    def __init__(self) -> None:
        self.keys: dict[str, OpeningKey] = {}

    def person(self, name: str) -> str:
        self.keys[name] = keys.fresh()
        return name

    def sealed(self, terms: str, names: Sequence[str]) -> Sealed:
        hour = keys.fresh()
        of = Of("rehearsal", AT, AT + timedelta(seconds=10), "h264", "mp4", "none", terms, "none")
        public = [CustodianKey(name, self.keys[name].public, SIGNING) for name in names]
        return Sealed(terms, names, segment.sealed(of, CONTENT, public, hour.public), hour)

    def open(
        self, what: Sealed, by: Iterable[str], lent: "dict[str, OpeningKey] | None" = None
    ) -> bool:
        """Whether these open it, each with their own key or one that they got hold of."""
        held = {**self.keys, **(lent or {})}
        header = what.found.header
        try:
            if what.hour is None:
                return False
            envelope, shares = segment.shares_of(what.found, what.hour), dict[int, bytes]()
            for name in by:
                if name in what.names:
                    n = what.names.index(name)
                    info = segment.share_info(header.camera, header.since, header.terms, name)
                    shares[n + 1] = held[name].open(envelope[n], info)
            key = sharing.combine(shares, header.commitments)
            return segment.opened(what.found, key) == CONTENT
        except Invalid:
            return False


def change() -> list[Claim]:
    stage = Stage()
    ada, ben, cleo, dora = map(stage.person, ("ada", "ben", "cleo", "dora"))
    before, since = stage.sealed("old", (ada, ben, cleo)), stage.sealed("new", (ada, ben, dora))
    return [
        Claim("what was sealed before opens for the two who stay", stage.open(before, (ada, ben))),
        Claim("what is sealed since opens with the new custodian", stage.open(since, (ada, dora))),
        Claim(
            "who left opens nothing since, with one who stays", not stage.open(since, (cleo, ada))
        ),
        Claim(
            "the new custodian opens nothing of before, with one who stays",
            not stage.open(before, (dora, ada)),
        ),
    ]


def lost() -> list[Claim]:
    stage = Stage()
    ada, ben, cleo = map(stage.person, ("ada", "ben", "cleo"))
    before = stage.sealed("old", (ada, ben, cleo))
    stage.keys[cleo] = keys.fresh()  # the old one is gone
    since = stage.sealed("new", (ada, ben, cleo))
    return [
        Claim("the two others open what was sealed before", stage.open(before, (ada, ben))),
        Claim("who lost the key opens nothing of before", not stage.open(before, (ada, cleo))),
        Claim("the new key opens what is sealed since", stage.open(since, (ada, cleo))),
    ]


def stolen() -> list[Claim]:
    stage = Stage()
    ada, ben, cleo = map(stage.person, ("ada", "ben", "cleo"))
    before = stage.sealed("old", (ada, ben, cleo))
    loot = {cleo: stage.keys[cleo]}
    stage.keys[cleo] = keys.fresh()
    since = stage.sealed("new", (ada, ben, cleo))
    over = before._replace(hour=None)
    return [
        Claim(
            "one stolen key opens nothing, with the key of the hour too",
            not stage.open(before, (cleo,), loot),
        ),
        Claim(
            "with a second custodian it opens what was sealed before: that is the danger",
            stage.open(before, (cleo, ada), loot),
        ),
        Claim(
            "since the key was changed it opens nothing, with a second custodian",
            not stage.open(since, (cleo, ada), loot),
        ),
        Claim(
            "once the key of the hour is destroyed nobody opens it, with all three keys",
            not stage.open(over, (ada, ben, cleo), loot),
        ),
    ]


REHEARSALS: dict[Kind, Callable[[], list[Claim]]] = {
    "change": change,
    "lost": lost,
    "stolen": stolen,
}
