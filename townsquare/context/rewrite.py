"""Correct and erase the past of one attribute (clauses 5.6.13 to 5.6.15).

What the attribute is from now on follows from what is left of its past. That is read first; if
the entity was changed meanwhile, it is read again.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from msgspec import structs

from townsquare.context import temporal
from townsquare.context.broker import Broker
from townsquare.context.past import is_end
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change, Rewrite
from townsquare.model.entity import Attribute, Entity, Instances
from townsquare.model.errors import Conflict, NotFound
from townsquare.store.past import SCOPE, Past, Whose

TRIES = 5  # others write the same entity at the same time


@dataclass(frozen=True, slots=True)
class Author:
    """Who rewrites, and in which tenant. A repeated `key` rewrites nothing again."""

    by: Actor
    why: Why
    tenant: str = ""
    key: str | None = None


async def rewrite(broker: Broker, id: str, what: Rewrite, author: Author) -> None:
    """Raises NotFound where the entity, the attribute or the instance is not there or is hidden,
    and what `Broker.apply` raises.
    """
    for tries_left in reversed(range(TRIES)):
        entity = await broker.read(id, author.by, author.why, tenant=author.tenant)
        change = await _change(broker, entity, what, author)
        try:
            await broker.apply([change], author.by, author.why, author.key, tenant=author.tenant)
        except Conflict:
            if not tries_left:
                raise
        else:
            return


async def _change(broker: Broker, entity: Entity, what: Rewrite, author: Author) -> Change:
    past = _past(broker, entity, what, author)
    found = await broker.store.instances(author.tenant, replace(past, last=1))
    if not found:
        which = f"such instance of {what.attribute}" if what.instance_id else what.attribute
        raise NotFound(f"{entity.id} has no {which} in its past")
    present = entity.attributes.get(what.attribute, ())
    if what.instance_id is None:
        others = (i for i in present if what.datasets and i.dataset_id not in what.datasets)
        return _rewriting(entity, what, tuple(others))
    old = temporal.attribute(found[0])
    newest = Past(past.whose, datasets=(old.dataset_id,), last=2)
    rest = [temporal.attribute(i) for i in await broker.store.instances(author.tenant, newest)]
    left = [i for i in rest if i.instance_id != old.instance_id]
    if what.attribute == SCOPE:  # which is a member now, and an attribute in the past alone
        present = tuple(i for i in rest[-1:] if not i.deleted_at)
    what = structs.replace(what, at=old.observed_at or old.created_at)
    if what.corrected is not None:
        corrected = _corrected(what.corrected, old)
        what = structs.replace(what, corrected=corrected)
        left.append(corrected)
    return _rewriting(entity, what, _state(present, old, left, broker.clock()))


def _past(broker: Broker, entity: Entity, what: Rewrite, author: Author) -> Past:
    grant = broker.grant(author.by, author.why, "temporal", entity.types[0])
    seen = {what.attribute} if grant.shows(what.attribute) else set()
    whose = Whose((entity.id,), entity.types, frozenset(seen))
    return Past((whose,), datasets=what.datasets or (), instance_id=what.instance_id or "")


def _rewriting(entity: Entity, what: Rewrite, left: Instances) -> Change:
    state = Entity(id=entity.id, types=(), attributes={what.attribute: left})
    return Change("rewrite", state, if_version=entity.version, rewrite=what)


def _corrected(given: Attribute, old: Attribute) -> Attribute:
    """It stays the instance that it is, of its dataset (clause 5.6.14)."""
    return msgspec.structs.replace(
        given,
        dataset_id=old.dataset_id,
        instance_id=old.instance_id,
        created_at=old.created_at,
    )


def _state(present: Instances, old: Attribute, left: list[Attribute], now: datetime) -> Instances:
    """The attribute now, of whose past the instance `old` goes and these are `left`."""
    current = next((i for i in present if i.dataset_id == old.dataset_id), None)
    if current is None:
        return present
    if current.instance_id != old.instance_id:
        left = [current, *(i for i in left if i.instance_id == old.instance_id)]
    newest = max(left, key=_time, default=None)
    if newest is current:
        return present
    others = tuple(i for i in present if i is not current)
    if newest is None or newest.deleted_at or is_end(newest):
        return others
    state = msgspec.structs.replace(newest, created_at=current.created_at, modified_at=now)
    return (state, *others) if state.dataset_id is None else (*others, state)


def _time(instance: Attribute) -> datetime:
    found = instance.observed_at or instance.modified_at or instance.created_at
    assert found is not None  # noqa: S101 - whatever was kept has a time
    return found
