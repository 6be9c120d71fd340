"""Entities that others lead to, looked up level by level (ETSI GS CIM 009, clause 4.5.23)."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from townsquare.context.form.join import led_to
from townsquare.context.form.view import View
from townsquare.context.query import MOST, Query
from townsquare.model.entity import Entity
from townsquare.model.errors import TooComplex

MOST_LINKED = 5_000  # entities that are looked up for one answer
JoinForm = Literal["inline", "flat", "@none"]
Find = Callable[[Query], Awaitable[list[Entity]]]  # what the asker may see


@dataclass(frozen=True, slots=True)
class Join:
    """Linked entities up to `level` Relationships away (clause 4.5.23)."""

    form: JoinForm = "@none"
    level: int = 0
    contained: frozenset[str] = frozenset()


async def linked(
    find: Find, entities: Sequence[Entity], view: View, join: Join
) -> dict[str, Entity]:
    """Everything that the entities lead to, as far as it is shown. Raises TooComplex."""
    found = {entity.id: entity for entity in entities} if join.level else {}
    level = [(entity, view.projection) for entity in entities]
    for _ in range(join.level):
        wanted = {
            target: below
            for entity, projection in level
            for target, below in led_to(entity, view, projection)
            if target not in join.contained
        }
        found |= await _by_id(find, [id for id in wanted if id not in found])
        level = [(found[id], below) for id, below in wanted.items() if id in found]
        if len(found) > MOST_LINKED:
            raise _too_many()
    return found


async def _by_id(find: Find, ids: Sequence[str]) -> dict[str, Entity]:
    if len(ids) > MOST_LINKED:
        raise _too_many()
    found: dict[str, Entity] = {}
    for start in range(0, len(ids), MOST):
        part = tuple(ids[start : start + MOST])
        found |= {e.id: e for e in await find(Query(ids=part, limit=len(part)))}
    return found


def _too_many() -> TooComplex:
    return TooComplex(f"this leads to more than {MOST_LINKED} entities; join less")
