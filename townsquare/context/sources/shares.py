"""Who does what part of an operation (clauses 4.3.6.2, 4.3.6.3, 5.6 and 5.7). Pure.

What an exclusive source has, no other one gets; what proxied sources (exclusive and redirect) take
is nothing to this broker any more; inclusive sources get a copy of what this broker does itself.
An auxiliary source only ever adds to what is read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec import structs

from townsquare.context.sources.matching import Wanted, matches, parts
from townsquare.context.sources.registration import Registration

EVERYTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Share:
    """`attributes` of the operation that this source gets; empty where it names none."""

    source: Registration
    attributes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Shares:
    """`refused` are those of sources that take a part and do not do the operation.

    `here` are the attributes that are left to this broker. It does nothing at all unless `local`;
    and where a source took a part `proxied` says that this broker need not know the entity.
    """

    elsewhere: tuple[Share, ...]
    refused: tuple[Share, ...]
    here: frozenset[str]
    local: bool
    proxied: bool


def divided(sources: Sequence[Registration], wanted: Wanted, names: Iterable[str]) -> Shares:
    """Of an operation that writes the entity and the attributes that are `wanted`.

    `names` are those under which a source may offer it.
    """
    offers = frozenset(names)
    about = structs.replace(wanted, attributes=EVERYTHING)
    left = wanted.attributes
    taken: list[Share] = []
    for mode in ("exclusive", "redirect"):
        found = list(_shares(sources, mode, about, left, named=bool(wanted.attributes)))
        taken += found
        left -= EVERYTHING.union(*(share.attributes for share in found))
    copies = _shares(sources, "inclusive", about, left, named=bool(wanted.attributes))
    willing = [share for share in (*taken, *copies) if share.source.offers & offers]
    return Shares(
        elsewhere=tuple(willing),
        refused=tuple(share for share in taken if not share.source.offers & offers),
        here=left,
        local=bool(left) or not taken,
        proxied=bool(taken),
    )


def _shares(
    sources: Sequence[Registration],
    mode: str,
    about: Wanted,
    left: frozenset[str],
    *,
    named: bool,
) -> Iterable[Share]:
    for one in sources:
        if (one.mode or "inclusive") != mode or not matches(one, about):
            continue
        has = registered(one, about)
        share = left & has if has else left
        if share or not named:
            yield Share(one, share)


def registered(one: Registration, about: Wanted) -> frozenset[str]:
    """Attributes that a source has of what the request is about; empty means all."""
    found = [part.attributes for part in parts(one, about)]
    return EVERYTHING if not all(found) else EVERYTHING.union(*found)
