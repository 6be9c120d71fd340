"""Check and record: what a list of changes writes, decided inside the store's writer.

Pure but for the random salt of log entries. Always holds: a change that the policy refuses
leaves no trace of itself, and with it none of the changes it came with; an accountable change
and its log entry are in the same `Writes`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct

from townsquare.context import history, merge, past, transient
from townsquare.context.decoded import Decoded
from townsquare.context.grants import Rights
from townsquare.model import geometry
from townsquare.model.actor import Actor, Why
from townsquare.model.change import Change, Changed
from townsquare.model.declaration import LIVE, PUBLISHED, EntityType
from townsquare.model.entity import URN, Entity, Json
from townsquare.model.errors import Conflict, Denied, NotFound, TownsquareError, named
from townsquare.store import Key, LogEntry, Place, Row, Writes
from townsquare.store.census import difference, together
from townsquare.trust import audit
from townsquare.trust.policy import Grant, Policy, require


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What became of one change. `version` is 0 when the entity was deleted."""

    id: str
    version: int = 0
    created: bool = False
    undone: tuple[str, ...] = ()  # of what was given: attributes and scope that stayed
    error: str = ""  # name in model.errors, where the change was refused
    reason: str = ""

    @property
    def refused(self) -> TownsquareError | None:
        return named(self.error)(self.reason) if self.error else None


class Order(Struct, frozen=True):
    """Changes, and everything needed to judge them."""

    changes: Sequence[Change]
    by: Actor
    why: Why
    tenant: str
    now: datetime
    policy: Policy
    rights: Rights
    decoded: Decoded

    def keys(self) -> tuple[Key, ...]:
        return tuple(Key(self.tenant, "context", c.entity.id) for c in self.changes)


def writes(order: Order, rows: Mapping[Key, Row]) -> Writes:
    """All changes. Raises Denied, Conflict, NotFound or Invalid; then nothing is written."""
    state = State.of(order, rows)
    outcomes = [_outcome(order, change, state) for change in order.changes]
    return _written(order, state, outcomes)


def each(order: Order, rows: Mapping[Key, Row]) -> Writes:
    """The changes that can be made, in their order; the others are told with the reason."""
    state = State.of(order, rows)
    outcomes = []
    for change in order.changes:
        try:
            outcomes.append(_outcome(order, change, state))
        except TownsquareError as refused:
            error = type(refused).__name__
            outcomes.append(Outcome(change.entity.id, error=error, reason=str(refused)))
    return _written(order, state, outcomes)


def ended(order: Order, rows: Mapping[Key, Row]) -> Writes:
    """What is left of entities when what ends has ended (clause 4.22).

    No policy is asked: it was when the end was set.
    """
    state = State.of(order, rows)
    for change in order.changes:
        before = state.present.get(change.entity.id)
        after = transient.left(before, order.now) if before else None
        if before is not after:
            state.steps.append((None, _changed(order, before, after)))
    return _written(order, state, [])


class State(Struct, frozen=True):
    """Entities as they were before the changes, as they are after those so far, and the news,
    each with the change that made it, if one did.
    """

    old: Mapping[str, Entity]
    present: dict[str, Entity]
    steps: list[tuple[Change | None, Changed]]

    @classmethod
    def of(cls, order: Order, rows: Mapping[Key, Row]) -> "State":
        keys = set(order.keys())
        old = {key.id: order.decoded.of(rows[key]) for key in keys if key in rows}
        return cls(old, dict(old), [])


def _written(order: Order, state: State, outcomes: Sequence[Outcome]) -> Writes:
    news = [n for _, n in state.steps]
    last = {n.subject.id: n for n in news}
    ends = {n.subject.id: place for place, n in enumerate(news) if n.after is None}
    there = [s for place, s in enumerate(state.steps) if place > ends.get(s[1].subject.id, -1)]
    kept = [(change, n) for change, n in there if n.after and _kept(order, n.after)]
    return Writes(
        put=[_row(order, state.old.get(id), n.after) for id, n in last.items() if n.after],
        delete=[Key(order.tenant, "context", id) for id, n in last.items() if n.after is None],
        erase=[erase for change, n in kept for erase in history.erased(change, n)],
        history=[instance for change, n in kept for instance in history.rows(change, n)],
        forget=[Key(order.tenant, "context", id) for id in ends],
        log=[entry for n in news for entry in _log(order, n)],
        told=[n for change, n in state.steps if change is None or _told(change, n)],
        census=together(*(difference(state.old.get(id), n.after) for id, n in last.items())),
        answer=msgspec.json.encode(outcomes),
    )


def _outcome(order: Order, change: Change, state: State) -> Outcome:
    """Makes the change in `state`. Raises what it is refused with, and then changes nothing."""
    id = change.entity.id
    before = state.present.get(id)
    _admitted_at_all(order, before, change)
    after = merge.changed(before, change, order.now)
    _check(order, before, after)
    if before is None and not order.by.room:
        _require_own_id(order, id)
    if after and change.operation in past.BY_PAST and not _kept(order, after):
        raise Conflict(f"{id} has no past: values of the moment are replaced, never kept")
    if after is None:
        state.present.pop(id, None)
    else:
        state.present[id] = after
    if after is not before:
        state.steps.append((change, _changed(order, before, after)))
    left = merge.undone(before, change)
    return Outcome(id, after.version if after else 0, before is None, left)


def _changed(order: Order, before: Entity | None, after: Entity | None) -> Changed:
    return Changed(
        seq=0,
        at=order.now,
        by=order.by.id,
        tenant=order.tenant,
        before=before,
        after=after,
        attributes=merge.differing(before, after),
    )


def _admitted_at_all(order: Order, before: Entity | None, change: Change) -> None:
    """Before anything is said of what there is: who may not know of it learns nothing here."""
    if not order.by.room:
        require(order.rights.grant("write", ""))
    types = before.types if before and change.operation != "create" else ()
    if not all(order.rights.grant("read", type).allowed for type in types):
        raise NotFound(f"{change.entity.id} does not exist")


def _check(order: Order, before: Entity | None, after: Entity | None) -> None:
    subject = after or before
    moved = before and after and (before.types, before.scope) != (after.types, after.scope)
    for entity in (before, after) if moved else (subject,):
        for type in entity.types if entity else ():
            _admitted(require(order.rights.grant("write", type)), order.by, entity)
    types = subject.types if subject else ()
    declared = [order.policy.types[t] for t in types if t in order.policy.types]
    if declared and len(types) > 1:
        raise Denied(f"a type of the house ({declared[0].name}) cannot be mixed with others")
    if before and PUBLISHED in before.scope and before is not after:
        raise Conflict(f"{before.id} is published and closed: it cannot change any more")
    lasting = any(t.accountable or not t.deletable for t in declared)
    if lasting and after is None and not _sweeps(order.by, declared):
        raise Denied(f"{subject.id if subject else ''} is accountable and cannot be deleted")
    if lasting and after and transient.ends_at(after):
        raise Denied(f"{after.id} is accountable and cannot end by itself; take out expiresAt")


def _sweeps(by: Actor, declared: Sequence[EntityType]) -> bool:
    """A room itself, not somebody through its commands."""
    return by.kind == "room" and all(t.swept and t.owner == by.room for t in declared)


def _require_own_id(order: Order, id: str) -> None:
    """Who took the id of what a room will write would keep the room from writing it."""
    declared = order.policy.types.get(id.removeprefix(URN).partition(":")[0])
    if declared and id.startswith(URN):
        raise Denied(f"ids such as {URN}{declared.name}:… are for the room {declared.owner}")


def _admitted(grant: Grant, by: Actor, entity: Entity | None) -> None:
    if entity and not grant.admits(entity.scope):
        raise Denied(f"{by.id} may not write {entity.id} in scope {', '.join(entity.scope) or '/'}")


def _kept(order: Order, entity: Entity) -> bool:
    """Live values are replaced, never kept; published ones do not change."""
    if LIVE in entity.scope or PUBLISHED in entity.scope:
        return False
    declared = order.policy.types.get(entity.types[0])
    return declared is None or declared.history


def _told(change: Change, news: Changed) -> bool:
    """What changed the past alone is no news: everyone would look and find nothing new."""
    if change.operation not in past.BY_PAST or not (news.before and news.after):
        return True
    before, after = news.before, news.after
    return bool(news.attributes) or (before.types, before.scope) != (after.types, after.scope)


def _log(order: Order, news: Changed) -> list[LogEntry]:
    subject, types = news.subject, order.policy.types
    accountable = [type for type in subject.types if type in types and types[type].accountable]
    if not accountable or LIVE in subject.scope:
        return []
    logged = frozenset().union(*(types[type].logged for type in accountable))
    verb, detail = _done(news, logged)
    record = audit.record(order.by, order.why, order.now, subject.id, verb, detail)
    return [audit.entry(msgspec.structs.replace(record, policy=order.policy.hash))]


def _done(news: Changed, logged: frozenset[str]) -> tuple[audit.Verb, str]:
    """What was swept is said whole: its last state is nowhere else any more."""
    if (after := news.after) is not None:
        told = (f"{n}={after.value(n)}" if n in logged else n for n in sorted(news.attributes))
        return "alteration", ", ".join(told)
    values = {name: news.subject.value(name) for name in news.subject.attributes}
    return "erasure", msgspec.json.encode(values, order="sorted").decode()


def _row(order: Order, before: Entity | None, after: Entity) -> Row:
    key = Key(order.tenant, "context", after.id)
    row = Row(key, after.version, msgspec.json.encode(after), _moved(before, after))
    if not order.by.room:
        # What came in as JSON goes out the same; a room may have put in other things, like tuples.
        order.decoded.know(row, after)
    return row


def _moved(before: Entity | None, after: Entity) -> Place | None:
    """A place that is the same costs nothing in the store, and most that are told are."""
    if before is None:
        return place_of(after)
    alike = (
        _places(before) == _places(after)  # bounds are not worked out for nothing
        and before.types == after.types
        and before.scope == after.scope
        and transient.ends_at(before) == transient.ends_at(after)
    )
    place = None if alike else place_of(after)
    return place if place and place != place_of(before) else None


def place_of(entity: Entity) -> Place:
    return Place(entity.types, entity.scope, _bounds(entity), transient.ends_at(entity))


def _bounds(entity: Entity) -> geometry.Bounds | None:
    """Around all instances of its location: a place fits when one of them does (clause 4.10)."""
    bounds = [geometry.bounds(place) for place in _places(entity)]
    return geometry.around(bounds) if bounds else None


def _places(entity: Entity) -> list[Json]:
    instances = entity.attributes.get("location", ())
    return [i.value for i in instances if i.kind == "GeoProperty"]
