"""Which registrations a query for entities leads to (clause 5.10.2). Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from townsquare.context.choices import Choices
from townsquare.context.query import Condition
from townsquare.context.sources import properties
from townsquare.context.sources.matching import Wanted, matches
from townsquare.context.sources.registration import Interval, Registration
from townsquare.context.values import read_time
from townsquare.model import geometry
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid
from townsquare.store.conditions import Near


@dataclass(frozen=True, slots=True)
class During:
    """`by_broker`: when this was written, and not when it was observed, is what counts."""

    after: datetime | None
    before: datetime | None
    by_broker: bool = False


@dataclass(frozen=True, slots=True)
class Discovery:
    wanted: Wanted
    near: Near | None = None
    during: During | None = None
    scopes: Choices = ()  # in the language of scopeQ; one of them, all of a set
    csf: Condition | None = None


def read_during(given: Mapping[str, str]) -> During | None:
    """From the members of a temporal query (clause 4.11). Raises Invalid."""
    relation = given.get("timerel")
    if relation is None:
        return None
    if relation not in ("before", "after", "between"):
        raise Invalid(f"timerel must be before, after or between, is {relation[:80]!r}")
    at = [read_time(given.get(name)) for name in ("timeAt", "endTimeAt")]
    if at[0] is None or (relation == "between" and at[1] is None):
        raise Invalid("timerel needs timeAt, and between needs endTimeAt, UTC times both")
    by_broker = given.get("timeproperty", "observedAt") != "observedAt"
    if relation == "before":
        return During(None, at[0], by_broker)
    return During(at[0], at[1] if relation == "between" else None, by_broker)


def leads_to(asked: Discovery, one: Registration) -> bool:
    return (
        matches(one, asked.wanted)
        and _then(asked.during, one)
        and (asked.near is None or _there(asked.near, one))
        and (not asked.scopes or any(_inside(choice, one) for choice in asked.scopes))
        and (asked.csf is None or properties.holds(asked.csf, members(one)))
    )


def members(one: Registration) -> dict[str, Json]:
    """By canonical name, Context Source Properties among them."""
    found: dict[str, Json] = msgspec.to_builtins(one)
    return {**found.pop("own", {}), **found}


def _inside(choice: frozenset[str], one: Registration) -> bool:
    patterns = [scope_pattern(scope) for scope in choice]
    return all(any(p.fullmatch(scope) for scope in one.scopes) for p in patterns)


def scope_pattern(scope: str) -> re.Pattern[str]:
    """`/a/+` one level, `/a/#` the whole subtree (clause 4.19)."""
    text = re.escape(scope).replace(r"/\#", "(/.*)?").replace(r"\+", "[^/]+")
    return re.compile(text)


def _then(during: During | None, one: Registration) -> bool:
    return not one.temporal if during is None else overlaps(during, one)


def overlaps(during: During | None, one: Registration) -> bool:
    """Whether a source has something of a time; None: of any."""
    if during is None:
        return one.temporal
    interval = one.management_interval if during.by_broker else one.observation_interval
    return interval is not None and _overlap(interval, during)


def _overlap(interval: Interval, during: During) -> bool:
    begins = during.before is None or interval.start_at <= during.before
    ends = during.after is None or interval.end_at is None or interval.end_at >= during.after
    return begins and ends


def _there(near: Near, one: Registration) -> bool:
    """Whether something in the space of the registration may stand in that relation."""
    space = members(one).get(near.attribute)
    if space is None:
        return False
    text = json.dumps(space)
    if near.relation == "near":
        return geometry.matches(text, "near", near.reference, near.distance_m)
    if near.relation == "beyond":
        point = space.get("type") == "Point"
        return not point or geometry.matches(text, "beyond", near.reference, near.distance_m)
    if near.relation == "disjoint":
        return not geometry.matches(text, "within", near.reference, 0)
    return geometry.matches(text, "intersects", near.reference, 0)
