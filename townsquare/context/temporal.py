"""The past of entities (ETSI GS CIM 009, clauses 4.5.6 to 4.5.8, 4.11, 5.7.3 and 5.7.4)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from townsquare.context.aggregate import Aggregation, Duration, edges
from townsquare.context.query import Query
from townsquare.model.entity import Attribute, Entity
from townsquare.store import EPOCH, Instance, Store
from townsquare.store.conditions import Sql
from townsquare.store.past import SCOPE, Past, Span, Stay, Stays, Whose
from townsquare.store.past import Tally as Tally  # rooms read these two
from townsquare.store.past import Window as Window
from townsquare.trust.policy import Grant

INSTANT = timedelta(microseconds=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TemporalQuery:
    """Entities of which there is something in the window, and what there is of them.

    `q` and geometry are asked of the instances in the window; a scope of what held in it, and
    then only instances of the time in which it did are shown (clauses 4.18 and 5.7.4). `last` of
    each attribute of each entity. With `most` instances the answer ends: with `last` at the older,
    else the newer end.
    """

    query: Query
    attributes: tuple[str, ...] = ()  # shown; none named: all but
    omitted: tuple[str, ...] = ()
    window: Window | None = None
    datasets: tuple[str | None, ...] = ()  # none named: all; None is the default one
    last: int | None = None
    most: int | None = None
    bare: bool = False  # the entities alone, without what there is of them


@dataclass(frozen=True, slots=True)
class Evolution:
    """Entities with their instances in time, oldest first, as instances of their attributes.

    `part` is the time from the first to the last of them where there are more.
    """

    entities: list[Entity]
    count: int | None = None  # of all entities that match, where it was asked for
    more: bool = False  # entities, behind these
    part: Span | None = None


def whose(ask: TemporalQuery, found: Iterable[tuple[Entity, Grant]]) -> tuple[Whose, ...]:
    """What may be seen of the past of these entities."""
    groups: defaultdict[tuple[Grant, tuple[str, ...]], list[str]] = defaultdict(list)
    for entity, grant in found:
        groups[grant, entity.types].append(entity.id)
    return tuple(
        Whose(tuple(ids), types, shown(ask, grant), grant.hidden | frozenset(ask.omitted))
        for (grant, types), ids in groups.items()
    )


def coarse(grant: Grant, ask: TemporalQuery, every: Duration | None) -> Grant:
    """What is left of a grant with a finest time step; `every` is None for single instances.

    Periods that are no multiple of it, or that begin between two steps, could be subtracted.
    """
    step = grant.finest
    if step is None or not grant.allowed:
        return grant
    window = ask.window or Window()
    bounds = [window.since, window.until] if window.until or not every else [window.since]
    fits = every is not None and not every.time % step and not (every.months and DAY % step)
    if fits and all(at is not None and not (at - EPOCH) % step for at in bounds):
        return grant
    return Grant(False, f"this is told in periods of whole multiples of {step}, counted from 1970")


def shown(ask: TemporalQuery, grant: Grant) -> frozenset[str] | None:
    if not ask.attributes:
        return grant.attributes
    return frozenset(filter(grant.shows, ask.attributes))


async def read(
    store: Store, tenant: str, ask: TemporalQuery, entities: Sequence[Entity], past: Past
) -> Evolution:
    """What the entities were, up to `ask.most` instances; an instant is never torn apart."""
    if ask.bare:
        return Evolution(_evolved(entities, ()))
    found = await store.instances(tenant, past)
    earlier = await set_before(store, tenant, past, found)
    if ask.most is None or len(found) <= ask.most:
        return Evolution(_evolved(entities, [*earlier, *found]))
    backwards = ask.last is not None
    cut = time(found[0 if backwards else -1], past)
    kept = [i for i in found if (time(i, past) > cut if backwards else time(i, past) < cut)]
    if not kept:
        moment = Window(past.of, cut, cut + INSTANT)
        kept = await store.instances(tenant, replace(past, window=moment, most=None))
    part = Span(time(kept[0], past), time(kept[-1], past))
    return Evolution(_evolved(entities, [*earlier, *kept], past.whose), part=part)


async def stays(store: Store, tenant: str, past: Past, fits: Sql) -> Stays:
    """When the entities were in the scope that is asked for. Raises TooComplex."""
    of_scope = tuple(
        replace(w, attributes=frozenset({SCOPE}), hidden=frozenset()) for w in past.whose
    )
    return await store.stays(tenant, Past(of_scope, past.window), fits)


async def set_before(
    store: Store, tenant: str, past: Past, found: Iterable[Instance]
) -> list[Instance]:
    """The scopes that are asked for and held when the window began (annex C.5.16)."""
    since = past.window.since if past.window else None
    if past.stays is None or since is None:
        return []
    full = Counter(i.entity for i in found if i.attribute == SCOPE)
    then = {
        id: (Stay(stay.since, stay.since + INSTANT),)
        for id, (stay, *_) in past.stays.items()
        if stay.since < since and (past.last is None or full[id] < past.last)
    }
    shown = (w for w in past.whose if w.attributes is None or SCOPE in w.attributes)
    whose = tuple(replace(w, attributes=frozenset({SCOPE})) for w in shown)
    one = Past(whose, datasets=past.datasets, last=1, stays=then)
    return await store.instances(tenant, one) if then and whose else []


def whole_steps(stays: Iterable[Stay], step: timedelta) -> Sequence[Stay]:
    """Less where they begin or end within a step, counted from 1970."""
    joined: list[Stay] = []
    for stay in stays:
        if joined and joined[-1].until == stay.since:
            stay = Stay(joined.pop().since, stay.until)
        joined.append(stay)
    cut = (
        Stay(
            EPOCH - (EPOCH - s.since) // step * step, s.until and s.until - (s.until - EPOCH) % step
        )
        for s in joined
    )
    return [stay for stay in cut if stay.until is None or stay.since < stay.until]


def time(instance: Instance, past: Past) -> datetime:
    """By which instances are ordered."""
    times = {
        "observedAt": instance.observed_at,
        "modifiedAt": instance.modified_at,
        "deletedAt": instance.deleted_at,
    }
    return times.get(past.of) or instance.created_at


def _evolved(
    entities: Sequence[Entity], past: Iterable[Instance], part: Sequence[Whose] = ()
) -> list[Entity]:
    """Of a part, attributes that have their instances in other parts are there too, empty."""
    of: dict[str, dict[str, list[Attribute]]] = {entity.id: {} for entity in entities}
    for instance in past:
        of[instance.entity].setdefault(instance.attribute, []).append(attribute(instance))
    seen = {id: whose for whose in part for id in whose.entities}
    return [
        msgspec.structs.replace(
            entity, attributes={**_empty(entity, seen), **_tuples(of[entity.id])}
        )
        for entity in entities
    ]


def _empty(entity: Entity, seen: dict[str, Whose]) -> dict[str, tuple[Attribute, ...]]:
    whose = seen.get(entity.id)
    if whose is None:
        return {}
    names = entity.attributes if whose.attributes is None else whose.attributes
    return {n: () for n in names if n in entity.attributes and n not in whose.hidden}


def _tuples(attributes: dict[str, list[Attribute]]) -> dict[str, tuple[Attribute, ...]]:
    return {name: tuple(instances) for name, instances in attributes.items()}


def attribute(instance: Instance) -> Attribute:
    kept = Attribute(None)
    if instance.json is not None:
        kept = msgspec.json.decode(instance.json, type=Attribute)
    number = instance.number
    plain = int(number) if number is not None and number.is_integer() else number
    return msgspec.structs.replace(
        kept,
        value=kept.value if plain is None else plain,
        observed_at=instance.observed_at,
        dataset_id=instance.dataset_id,
        created_at=instance.created_at,
        modified_at=instance.modified_at,
        deleted_at=instance.deleted_at,
        instance_id=instance.instance_id,
    )


@dataclass(frozen=True, slots=True)
class Aggregates:
    """Tallies of entities; `edges` bound their periods."""

    entities: list[Entity]
    tallies: list[Tally]
    edges: Sequence[datetime]
    count: int | None = None
    more: bool = False


async def tallied(
    store: Store,
    tenant: str,
    entities: list[Entity],
    past: Past,
    how: Aggregation,
) -> Aggregates:
    data = await store.span(tenant, past)
    if data is None:
        return Aggregates([], [], [])
    periods = edges(past.window, data, how.every)
    # With one period for all, its end may be the time of the last instance, which counts.
    bounds = [*periods[:-1], max(periods[-1], data.last + INSTANT)]
    distinct = "distinctCount" in how.methods
    found = await store.tallies(tenant, past, bounds, distinct=distinct)
    return Aggregates(entities, found, periods)
