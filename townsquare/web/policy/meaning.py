"""What a policy means, in plain words. Pure.

Always holds: it is made by asking the policy, so it cannot say what is not so.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from townsquare.model.texts import found, later, text
from townsquare.trust.access import Access, access
from townsquare.trust.grant import Grant
from townsquare.trust.policy import Policy
from townsquare.trust.roles import Role
from townsquare.trust.wording import MAY, limits


@dataclass(frozen=True, slots=True)
class Sentence:
    """`who` is the title of a role, `purposes` are what they must be here for."""

    who: str
    acts: tuple[str, ...]
    limits: str
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Of one role: `changes` tells whether it writes, or uses the commands of the type's room."""

    sees: Literal["all", "part", "nothing"]
    changes: bool


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of a type of entity; `cells` are those of the roles, in their order."""

    type: str
    title: str
    cells: tuple[Cell, ...]
    sentences: tuple[Sentence, ...]


OTHERS = later("What programs of the town bring along")
WHOLE = (later("as far as it is published"), later("but not values of this moment"))
SOME = {"only ": later("only {names}"), "but not ": later("but not {names}")}


def extent(limits: str) -> str:
    """Limits of a sentence, in the language that is read."""
    return "; ".join(map(_limit, limits.split("; "))) if limits else text("all of it")


def _limit(one: str) -> str:
    if one in WHOLE:
        return text(one)
    for start, sentence in SOME.items():
        if one.startswith(start):
            names = map(found, one.removeprefix(start).split(", "))
            return text(sentence, names=", ".join(names))
    return one


@lru_cache(maxsize=4)
def meaning(policy: Policy) -> tuple[Meaning, ...]:
    """It asks hundreds of questions, whose answers last as long as the policy."""
    found = access(policy)
    return tuple(
        Meaning(
            type,
            policy.types[type].title or type if type else OTHERS,
            tuple(_cell(found, role.name, type) for role in people(policy)),
            tuple(_sentences(policy, found, type)),
        )
        for type in (*sorted(policy.types), "")
    )


def people(policy: Policy) -> list[Role]:
    """The roles of people, for whom access is written out."""
    return [role for role in policy.roles.values() if role.of == "the town"]


def _cell(found: Access, role: str, type: str) -> Cell:
    """`read` is for all of it where one purpose shows all that there is at this moment."""
    grants = {(row.act, g) for row, g in found.items() if (row.role, row.type) == (role, type)}
    seen = [grant for act, grant in grants if act == "read"]
    whole = any(g.attributes is None and g.scopes is None and not g.not_scopes for g in seen)
    sees: Literal["all", "part", "nothing"] = "all" if whole else "part" if seen else "nothing"
    return Cell(sees, any(act in ("write", "command") for act, _ in grants))


def _sentences(policy: Policy, found: Access, type: str) -> Iterable[Sentence]:
    acts: defaultdict[tuple[str, Grant], defaultdict[str, list[str]]]
    acts = defaultdict(lambda: defaultdict(list))
    for row, grant in found.items():
        if row.type == type:
            acts[row.role, grant][row.act].append(row.purpose)
    for (role, grant), purposes in acts.items():
        by_purposes: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for act, names in purposes.items():
            by_purposes[tuple(names)].append(MAY[act])
        title = policy.roles[role].title
        extent = limits(grant, policy.types.get(type))
        for fit, verbs in by_purposes.items():
            yield Sentence(title, tuple(verbs), extent, fit)
