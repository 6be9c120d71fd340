"""Access in plain words: what a grant shows, and what somebody may more or less than before. Pure.

Always holds: no sentence takes knowledge of Cedar or of names of attributes to be understood, and
what one role gets more or less of several types in the same way is one sentence.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from msgspec import Struct

from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.model.texts import later
from townsquare.trust.access import ACTS, NOWHERE, Access, Row
from townsquare.trust.grant import Grant
from townsquare.trust.rules import Policy

MAY: Mapping[str, str] = {
    "read": later("see"),
    "temporal": later("see the past of"),
    "watch": later("hear of changes of"),
    "write": later("write"),
    "command": later("use commands for"),
}
NOBODYS = later("what programs of the town bring along")
ORDER = (*ACTS, "command")


class Said(Struct, frozen=True):
    """`who` is the title of a role; empty where it is about a rule itself."""

    who: str
    words: str

    def __str__(self) -> str:
        return f"{self.who}: {self.words}" if self.who else self.words


def said(
    rows: Iterable[Row], most: Access, least: Access, policy: Policy, may: str
) -> tuple[Said, ...]:
    """Of rows in which `most` gives more than `least`: the difference, after the words `may`."""
    acts = _acts(rows, most, least, policy)
    types: defaultdict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]]
    types = defaultdict(list)
    for (role, type, extent), purposes in acts.items():
        alike: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for act in filter(purposes.__contains__, ORDER):
            alike[tuple(sorted(purposes[act]))].append(act)
        for names, done in alike.items():
            types[role, extent, tuple(done), names].append(titled(policy, type))
    return tuple(_said(policy, may, what, named) for what, named in types.items())


Acts = dict[tuple[str, str, str], defaultdict[str, list[str]]]


def _acts(rows: Iterable[Row], most: Access, least: Access, policy: Policy) -> Acts:
    """Purposes by act, of each role, type and extent."""
    found: Acts = {}
    for row in rows:
        extent = difference(most[row], least.get(row, NOWHERE), policy.types.get(row.type))
        purposes = found.setdefault((row.role, row.type, extent), defaultdict(list))
        purposes[row.act].append(row.purpose)
    return found


def _said(
    policy: Policy,
    may: str,
    what: tuple[str, str, tuple[str, ...], tuple[str, ...]],
    types: Collection[str],
) -> Said:
    role, extent, acts, purposes = what
    does, of = listed([MAY[act] for act in acts]), listed(sorted(types))
    more = f" ({extent})" if extent else ""
    known = policy.roles.get(role)
    return Said(
        known.title if known else role, f"{may} {does} {of}{more}, for {listed(list(purposes))}"
    )


def titled(policy: Policy, type: str) -> str:
    """What entities of a type are, within a sentence."""
    if not type:
        return NOBODYS
    declared = policy.types.get(type)
    title = declared.title if declared else ""
    return title[:1].lower() + title[1:] if title else type


def listed(parts: Collection[str]) -> str:
    """As one says it: a, b and c."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


# --- how far


def limits(grant: Grant, type: EntityType | None) -> str:
    """What a grant does not show; empty where it shows all."""
    return "; ".join(_limits(grant, type))


def _limits(grant: Grant, type: EntityType | None) -> Iterator[str]:
    if grant.attributes is not None:
        yield f"only {_names(grant.attributes, type)}"
    if grant.hidden:
        yield f"but not {_names(grant.hidden, type)}"
    if grant.scopes == frozenset({PUBLISHED}):
        yield "as far as it is published"
    if LIVE in grant.not_scopes:
        yield "but not values of this moment"


def difference(most: Grant, least: Grant, type: EntityType | None) -> str:
    """What `most` shows and `least` does not."""
    return "; ".join(_beyond(most, least, type)) if least.allowed else limits(most, type)


def _beyond(most: Grant, least: Grant, type: EntityType | None) -> Iterator[str]:
    if most.attributes is not None:
        more = frozenset(name for name in most.attributes - most.hidden if not least.shows(name))
    else:
        more = least.hidden - most.hidden
    if more:
        yield f"also {_names(more, type)}"
    if most.attributes is None and least.attributes is not None:
        yield f"not only {_names(least.attributes, type)}"
    if least.scopes == frozenset({PUBLISHED}) != most.scopes:
        yield "also what is not published"
    if most.admits((LIVE,)) and not least.admits((LIVE,)):
        yield "also values of this moment"


def _names(names: Collection[str], type: EntityType | None) -> str:
    """A list of twenty says less than what they have in common."""
    if type and len(names) > 1 and names == type.published:
        return "what is public of it"
    named = type.words.attributes if type else {}
    return ", ".join(sorted(named.get(name, name) for name in names))
