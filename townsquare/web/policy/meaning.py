"""What a policy means, in plain words. Pure.

Always holds: it is made by asking the policy, so it cannot say what is not so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from townsquare.model.declaration import LIVE, PUBLISHED
from townsquare.trust.access import Access, access
from townsquare.trust.grant import Grant
from townsquare.trust.policy import Policy

MAY: Mapping[str, str] = {
    "read": "see",
    "temporal": "see the past of",
    "watch": "hear of changes of",
    "write": "write",
    "command": "use commands for",
}
NOBODYS = "what programs of the town bring along"


@dataclass(frozen=True, slots=True)
class Sentence:
    """`who` are titles of roles, `purposes` what they must be here for."""

    who: str
    what: str
    limits: str
    purposes: str


@dataclass(frozen=True, slots=True)
class Meaning:
    """Of a type of entity."""

    type: str
    sentences: tuple[Sentence, ...]


@lru_cache(maxsize=4)
def meaning(policy: Policy) -> tuple[Meaning, ...]:
    """It asks hundreds of questions, whose answers last as long as the policy."""
    found = access(policy)
    types = (*sorted(policy.types), "")
    return tuple(Meaning(type or NOBODYS, tuple(_sentences(policy, found, type))) for type in types)


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
        for fit, verbs in by_purposes.items():
            yield Sentence(title, ", ".join(verbs), _limits(grant), ", ".join(fit))


def _limits(grant: Grant) -> str:
    parts = []
    if grant.attributes is not None:
        parts.append("only " + ", ".join(sorted(grant.attributes)))
    if grant.hidden:
        parts.append("but not " + ", ".join(sorted(grant.hidden)))
    if grant.scopes == frozenset({PUBLISHED}):
        parts.append("as far as it is published")
    if LIVE in grant.not_scopes:
        parts.append("but not values of this moment")
    return "; ".join(parts)
