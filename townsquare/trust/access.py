"""Who has access to what under a policy, written out: one row for each role, purpose, act and type.

From this the town is told what its policy means, and whether another one gives more. Pure.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from townsquare.model.actor import Actor, Why
from townsquare.model.declaration import LIVE, PUBLISHED
from townsquare.trust.grant import Act, Grant
from townsquare.trust.policy import Policy, decide

CASE = "a case"  # what needs the number of a case is access too
NOON = datetime(2026, 1, 7, 12, tzinfo=UTC)  # of a working day, where a policy asks for the time
ACTS: tuple[Act, ...] = ("read", "temporal", "watch", "write")
INSTANTS = timedelta()  # the finest step: there is none
NOWHERE = Grant(allowed=False)


class Row(Struct, frozen=True, order=True):
    """`act` may also be "command": what the type's room does for somebody."""

    role: str
    purpose: str
    act: str
    type: str  # "" for all that no room declares

    def __str__(self) -> str:
        return f"{self.role}|{self.purpose}|{self.act}|{self.type}"


Access = Mapping[Row, Grant]  # rows without access are not there
AccessJson = Mapping[str, Mapping[str, object]]


def access(policy: Policy, without: Collection[str] = ()) -> Access:
    """Of all people's roles, but to these types. Programs of the house are code, which is looked at
    as code.
    """
    types = sorted(policy.asked.keys() - set(without))
    asked = ((row, _granted(policy, row)) for row in _rows(policy, types))
    return {row: grant for row, grant in asked if grant.allowed}


def _rows(policy: Policy, types: Sequence[str]) -> Iterator[Row]:
    for role in policy.roles.values():
        if role.of == "the house":
            continue
        for purpose in sorted(policy.pursued[role.name]):
            for type in types:
                acts = (*ACTS, "command") if type else ACTS
                yield from (Row(role.name, purpose, act, type) for act in acts)


def _granted(policy: Policy, row: Row) -> Grant:
    who = Actor("somebody", "person", roles=frozenset({row.role}))
    why = Why(row.purpose, CASE)
    if row.act == "command":
        return decide(
            policy, who.through(policy.types[row.type].owner), why, "write", row.type, NOON
        )
    act = next(act for act in ACTS if act == row.act)
    return decide(policy, who, why, act, row.type, NOON)


def encoded(found: Access) -> AccessJson:
    return {str(row): _told(grant) for row, grant in sorted(found.items())}


def _told(grant: Grant) -> Mapping[str, object]:
    """Sets as lists that are always in the same order."""
    told = {name: getattr(grant, name) for name in ("attributes", "hidden", "scopes", "not_scopes")}
    step = {} if grant.finest is None else {"finest": msgspec.to_builtins(grant.finest)}
    return {name: sorted(names) for name, names in told.items() if names is not None} | step


def decoded(told: AccessJson) -> Access:
    return {
        Row(*name.split("|")): msgspec.convert({"allowed": True, **grant}, Grant)
        for name, grant in told.items()
    }


# --- comparing


def wider(new: Access, old: Access) -> list[Row]:
    """Rows in which the new one gives more than the old one."""
    return sorted(row for row, grant in new.items() if _more(grant, old.get(row, NOWHERE)))


def _more(new: Grant, old: Grant) -> bool:
    if not old.allowed:
        return True
    if (new.finest or INSTANTS) < (old.finest or INSTANTS):
        return True
    return not (_attributes_within(new, old) and _scopes_within(new, old))


def _attributes_within(new: Grant, old: Grant) -> bool:
    if new.attributes is None:
        return old.attributes is None and old.hidden <= new.hidden
    return all(old.shows(name) for name in new.attributes - new.hidden)


def _scopes_within(new: Grant, old: Grant) -> bool:
    """Scopes that decide are few: each is tried, and no scope at all."""
    marks: Iterable[tuple[str, ...]] = ((), (LIVE,), (PUBLISHED,), (LIVE, PUBLISHED))
    return all(old.admits(scope) for scope in marks if new.admits(scope))
