"""What the q of rules say of entities, by the very words in which the broker is asked.

Always holds: where what a q compares is missing and decides, the answer is that it is unknown.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from msgspec import structs

from townsquare.alerts.who import ROOM, WHY
from townsquare.context.broker import Broker
from townsquare.context.language import parse
from townsquare.context.query import All, Any, Condition, Linked, Query, leaves
from townsquare.context.scratch import Held, Scratch
from townsquare.model.entity import Entity
from townsquare.model.errors import Invalid
from townsquare.model.rule import BrokenRule, Rule

ASKED = "urn:ngsi-ld:Asked:"
EXAMPLE = "'fillingLevel>0.8;status==\"open\"'"


def check(rule: Rule) -> None:
    """Raises BrokenRule where one of its q cannot be asked, with the place in it."""
    for name, q in (("q", rule.q), ("ends_q", rule.ends_q)):
        try:
            read_q(q) if q else None
        except Invalid as error:
            place = getattr(error, "character", None)
            raise BrokenRule(rule.name, name, str(error), EXAMPLE, place) from error


@lru_cache(maxsize=8192)
def read_q(q: str) -> Condition:
    """Raises Invalid with the place, or TooComplex."""
    condition = parse(q)
    if any(isinstance(leaf, Linked) for leaf in leaves(condition)):
        raise Invalid("a rule cannot follow Relationships; compare what the entity itself has")
    return condition


@dataclass(frozen=True, slots=True)
class Answered:
    """By the q and the number of the entity among those that were asked about."""

    answers: Mapping[tuple[str, int], bool | None] = field(default_factory=dict)

    def about(self, number: int) -> Callable[[str], bool | None]:
        return lambda q: self.answers[q, number]


Question = tuple[int, Entity, Iterable[str]]  # its number, and every q about it


class Asking:
    def __init__(self, broker: Broker) -> None:
        self._scratch = Scratch(broker)

    async def close(self) -> None:
        await self._scratch.close()

    async def answered(self, questions: Sequence[Question]) -> Answered:
        by_q: defaultdict[str, dict[int, Entity]] = defaultdict(dict)
        for number, entity, asked in questions:
            for q in asked:
                by_q[q][number] = entity
        if not by_q:
            return Answered()
        asked_about = {n: entity for about in by_q.values() for n, entity in about.items()}
        # Several may be one entity at different times.
        apart = [structs.replace(e, id=f"{ASKED}{n}") for n, e in asked_about.items()]
        answers: dict[tuple[str, int], bool | None] = {}
        async with self._scratch.holding(apart) as held:
            for q, about in by_q.items():
                answers |= {(q, n): answer for n, answer in (await _one(held, q, about)).items()}
                await asyncio.sleep(0)  # there may be thousands of rules
        return Answered(answers)


async def _one(held: Held, q: str, about: Mapping[int, Entity]) -> dict[int, bool | None]:
    condition = read_q(q)
    true = await _true(held, condition, about)
    answers: dict[int, bool | None] = {n: n in true for n in about}
    unsure: defaultdict[frozenset[str], dict[int, Entity]] = defaultdict(dict)
    for number in about.keys() - true:
        if missing := _missing(condition, about[number]):
            unsure[missing][number] = about[number]
    for missing, entities in unsure.items():
        rest = granted(condition, missing)
        could = set(entities) if rest is None else await _true(held, rest, entities)
        answers |= dict.fromkeys(could, None)
    return answers


async def _true(held: Held, condition: Condition, about: Mapping[int, Entity]) -> set[int]:
    types = tuple({type for entity in about.values() for type in entity.types})
    query = Query(types=types, q=condition)
    found = await held.matching(query, ROOM, WHY, "read")
    return {int(id.removeprefix(ASKED)) for id in found} & about.keys()


def _missing(condition: Condition, entity: Entity) -> frozenset[str]:
    """The attributes that it compares and the entity lacks."""
    compared = {
        leaf.path.attribute
        for leaf in leaves(condition)
        if not isinstance(leaf, Linked) and leaf.comparison and leaf.path.attribute
    }
    return frozenset(name for name in compared if not entity.attributes.get(name))


def granted(condition: Condition, missing: frozenset[str]) -> Condition | None:
    """What else must hold if every comparison with these is granted; None: nothing."""
    if isinstance(condition, All):
        rest = [r for term in condition.terms if (r := granted(term, missing)) is not None]
        return All(tuple(rest)) if rest else None
    if isinstance(condition, Any):
        either = [granted(term, missing) for term in condition.terms]
        known = [one for one in either if one is not None]
        return Any(tuple(known)) if len(known) == len(either) else None
    if isinstance(condition, Linked) or not condition.comparison:
        return condition
    return None if condition.path.attribute in missing else condition
