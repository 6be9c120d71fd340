"""The built-in policy as a table that can be read by hand.

`tests/contract/test_policy_statements.py` shows that each part of each statement stands in it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from townsquare.model.actor import ANYONE, Actor, Why, room
from townsquare.model.declaration import EntityType
from townsquare.trust.policy import Act, Grant, Policy, decide, policy

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SUPPLY = frozenset({"security"})
TYPES = (
    EntityType("Leak", "supply", readers=SUPPLY, commanders=SUPPLY),
    EntityType(
        "Flow",
        "vision",
        readers=frozenset({"operator", "engineer"}),
        published=frozenset({"count"}),
        secret=frozenset({"key"}),
    ),
    EntityType(
        "Alarm", "alerts", readers=frozenset({"operator"}), commanders=frozenset({"operator"})
    ),
    EntityType(
        "Footage",
        "recording",
        readers=frozenset({"custodian"}),
        commanders=frozenset({"custodian", "investigator"}),
    ),
    EntityType(
        "Camera",
        "vision",
        readers=frozenset({"operator"}),
        published=frozenset({"name"}),
        published_everywhere=True,
    ),
    EntityType(
        "Account",
        "accounts",
        readers=frozenset({"administrator"}),
        commanders=frozenset({"administrator"}),
    ),
)

# Who (> a room: through its commands), purpose, act, type ("Lamp": of no room), what is granted.
# Somebody "of /north" is kept to that area, "until today" had a task that has ended by now.
TABLE = """
operator          | operations         | read     | Flow    | all but key
operator          | crowd safety       | temporal | Flow    | all but key
operator          | traffic management | watch    | Flow    | all but key
operator          | public information | read     | Flow    | -
operator          | integration        | read     | Flow    | -
operator          | safety             | read     | Flow    | -
operator          | operations         | read     | Alarm   | all
operator          | operations         | read     | Account | -
operator          | operations         | read     | Lamp    | all
operator          | operations         | write    | Flow    | -
operator          | operations         | write    | Alarm   | -
operator          | operations         | write    | Lamp    | -
operator > alerts | operations         | write    | Alarm   | all, not /published
operator > vision | operations         | write    | Alarm   | -
operator > vision | operations         | write    | Flow    | -
operator > vision | operations         | read     | Flow    | all but key
operator          | investigation      | read     | Flow    | -
operator          | investigation F-12 | read     | Flow    | all but key
operator of /north    | operations     | read     | Flow    | all but key, inside /north
operator of /north > alerts | operations | write  | Alarm   | all, not /published, inside /north
operator until today  | operations     | read     | Flow    | -
operator until today > alerts | operations | write | Alarm | -
operator until tomorrow | operations   | read     | Flow    | all but key
engineer          | operations         | read     | Flow    | all but key, not /live
engineer          | operations         | temporal | Flow    | all but key, not /live
engineer          | operations         | watch    | Flow    | all but key, not /live
engineer          | operations         | read     | Alarm   | -
engineer > alerts | operations         | write    | Alarm   | -
engineer          | operations         | read     | Camera  | only name, not /live
engineer          | operations         | temporal | Camera  | -
engineer          | crowd safety       | read     | Lamp    | all
engineer          | integration        | write    | Lamp    | all, not /live, not /published
engineer          | integration        | write    | Flow    | -
engineer          | traffic management | read     | Alarm   | -
engineer          | traffic management | read     | Lamp    | all
engineer          | public information | read     | Lamp    | -
data-protection   | operations         | read     | Flow    | only count, in /published
data-protection   | operations         | watch    | Lamp    | all
data-protection   | investigation      | read     | Lamp    | -
data-protection   | investigation F-12 | read     | Lamp    | all
data-protection   | crowd safety       | read     | Lamp    | -
security          | operations         | temporal | Lamp    | all
security          | operations         | read     | Alarm   | -
security          | operations         | read     | Leak    | all, not /live
security > supply | operations         | write    | Leak    | all, not /published
security          | crowd safety       | read     | Leak    | -
administrator     | operations         | read     | Account | all, not /live
administrator > accounts | operations  | write    | Account | all, not /published
administrator     | operations         | read     | Alarm   | -
administrator     | operations         | read     | Flow    | only count, in /published
administrator     | operations         | read     | Lamp    | -
administrator     | integration        | read     | Account | -
integrator        | integration        | read     | Lamp    | all
integrator        | integration        | write    | Lamp    | all, not /live, not /published
integrator        | integration        | write    | Alarm   | -
integrator        | integration        | read     | Alarm   | -
integrator        | operations         | read     | Lamp    | -
custodian         | operations         | read     | Footage | all, not /live
custodian         | investigation F-12 | read     | Footage | all, not /live
custodian         | investigation      | read     | Footage | -
custodian         | crowd safety       | read     | Footage | -
custodian > recording | investigation F-12 | write | Footage | all, not /published
custodian         | operations         | read     | Lamp    | -
investigator      | investigation F-12 | read     | Footage | -
investigator > recording | investigation F-12 | write | Footage | all, not /published
investigator > recording | investigation | write  | Footage | -
investigator > recording | operations  | write    | Footage | all, not /published
investigator > recording | crowd safety | write  | Footage | -
investigator      | operations         | read     | Camera  | only name, not /live
citizen           | public information | read     | Flow    | only count, in /published
citizen           | public information | read     | Camera  | only name, not /live
citizen           | public information | temporal | Flow    | -
citizen           | public information | watch    | Flow    | -
citizen           | public information | read     | Alarm   | -
citizen           | public information | read     | Lamp    | -
citizen           | public information | write    | Lamp    | -
citizen           | operations         | read     | Flow    | -
break-glass       | operations         | read     | Flow    | all but key
break-glass       | operations         | read     | Account | all
break-glass       | operations         | watch    | Lamp    | all
break-glass       | operations         | write    | Lamp    | -
break-glass > alerts | operations      | write    | Alarm   | all, not /published
break-glass > accounts | operations    | write    | Account | -
break-glass > supply | operations      | write    | Alarm   | -
break-glass > supply | operations      | write    | Leak    | -
break-glass       | operations         | read     | Leak    | -
break-glass       | crowd safety       | read     | Alarm   | all
break-glass       | traffic management | read     | Alarm   | all
break-glass       | integration        | read     | Lamp    | -
room vision       | crowd safety       | write    | Flow    | all, not /published
room vision       | crowd safety       | write    | Alarm   | -
room vision       | operations         | read     | Flow    | all
room vision       | operations         | write    | Lamp    | -
room              | operations         | write    | Lamp    | -
room devices      | operations         | write    | Lamp    | all, not /live, not /published
room devices      | operations         | write    | Flow    | -
operator > devices | operations        | write    | Lamp    | -
room alerts       | operations         | read     | Flow    | all but key
room alerts       | investigation      | watch    | Flow    | all but key
room register     | public information | write    | Flow    | all, in /published
room register     | public information | write    | Alarm   | -
open              | integration        | read     | Flow    | all but key
open              | operations         | write    | Lamp    | all, not /live, not /published
open              | operations         | write    | Flow    | -
"""
ROWS = [tuple(cell.strip() for cell in line.split("|")) for line in TABLE.strip().splitlines()]
WHO = re.compile(r"([\w-]+)(?: (?:of (\S+)|until (\w+)))?(?: > (\w+))?")
UNTIL = {"today": NOW, "tomorrow": NOW + timedelta(days=1), None: None}


def actor(who: str) -> Actor:
    if who == "citizen":
        return ANYONE
    if who.startswith("room "):
        return room(who.removeprefix("room "))
    found = WHO.fullmatch(who)
    assert found, who
    role, area, until, through = found.groups()
    areas = frozenset({area} if area else ())
    return Actor("x", "person", "Town", frozenset({role}), through or "", areas, UNTIL[until])


def purpose(told: str) -> Why:
    name, _, case = told.partition(" F-")
    return Why(name, f"F-{case}" if case else "")


def words(grant: Grant) -> str:
    if not grant.allowed:
        return "-"
    parts = ["all"]
    if grant.attributes is not None:
        parts = [" ".join(["only", *sorted(grant.attributes)])]
    if grant.hidden:
        parts = [" ".join(["all but", *sorted(grant.hidden)])]
    parts += [f"in {scope}" for scope in sorted(grant.scopes or ())]
    parts += [f"not {scope}" for scope in sorted(grant.not_scopes)]
    parts += [f"inside {area}" for area in sorted(grant.areas or ())]
    return ", ".join(parts)


def granted(rules: Policy, row: tuple[str, ...]) -> Grant:
    who, why, act, type, _ = row
    return decide(rules, actor(who), purpose(why), cast("Act", act), type, NOW)


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_the_table(row: tuple[str, ...]) -> None:
    grant = granted(policy(TYPES), row)
    assert words(grant) == row[-1]
    assert bool(grant.reason) is not grant.allowed
