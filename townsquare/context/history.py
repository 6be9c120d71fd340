"""What changes write into history, and what they take out of it (clauses 4.5.6 to 4.5.8). Pure.

What is removed leaves an instance that says when; what the past itself loses (clauses 5.6.13 and
5.6.15) leaves nothing. The scope is kept as if it were an attribute of that name.
"""

from collections import defaultdict
from datetime import datetime

import msgspec

from townsquare.context.instances import of
from townsquare.context.past import new_instance
from townsquare.model.change import Change, Changed
from townsquare.model.entity import NULL, Attribute, Json
from townsquare.store import EXACT, Instance
from townsquare.store.past import SCOPE, Erase


def rows(change: Change | None, news: Changed) -> list[Instance]:
    """What history gets by one change of an entity that is still there."""
    if change is not None and change.operation == "record":
        given = [(name, i) for name, all in change.entity.attributes.items() for i in all]
        found = [row(news, name, instance, news.at) for name, instance in given]
        once = {(i.attribute, i.dataset_id, i.observed_at or i.instance_id): i for i in found}
        plain = SCOPE not in change.entity.attributes
        return [*once.values(), *(_scope(news) if plain else [])]
    if change is not None and change.rewrite is not None:
        corrected = change.rewrite.corrected
        if corrected is None:
            return []
        return [row(news, change.rewrite.attribute, corrected, corrected.created_at or news.at)]
    return [*_scope(news), *_differing(news, ends=change is not None)]


def _differing(news: Changed, *, ends: bool) -> list[Instance]:
    """What ended by itself (clause 4.22) goes with its past, so no instance tells its end."""
    after, before = news.after, news.before
    found = []
    for name in sorted(news.attributes):
        new = after.attributes.get(name, ()) if after else ()
        old = before.attributes.get(name, ()) if before else ()
        found += [row(news, name, i, news.at) for i in new if i not in old]
        if ends and old:
            found += [end(news, name, i) for i in old if of(new, i.dataset_id) is None]
    return found


def _scope(news: Changed) -> list[Instance]:
    old = news.before.scope if news.before else ()
    new = news.after.scope if news.after else ()
    if old == new:
        return []
    value = new[0] if len(new) == 1 else list(new)
    scope = Attribute(value, observed_at=news.at, instance_id=new_instance())
    return [row(news, SCOPE, scope, news.at) if new else end(news, SCOPE, scope)]


def end(news: Changed, name: str, old: Attribute) -> Instance:
    """The instance that says that an attribute is gone (clause 4.5.7)."""
    gone = Attribute(
        [] if name == SCOPE else NULL,
        kind=old.kind,
        dataset_id=old.dataset_id,
        instance_id=new_instance(),
    )
    return msgspec.structs.replace(row(news, name, gone, news.at), deleted_at=news.at)


def row(news: Changed, name: str, a: Attribute, created_at: datetime) -> Instance:
    subject = news.subject
    number = _number(a)
    # By their places: with names it takes half as long again, and history has most rows of all.
    return Instance(
        subject.id,
        subject.types[0],
        name,
        a.dataset_id,
        a.instance_id or new_instance(),
        a.observed_at,
        created_at,
        news.at,
        None,
        number,
        _said(a, a.value) if number is None else None if _bare(a) else _said(a, None),
    )


def _number(a: Attribute) -> float | None:
    """Its value, where that is a plain number."""
    value = a.value
    if a.kind != "Property" or not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < EXACT else None


def _bare(a: Attribute) -> bool:
    return not (a.sub or a.unit_code or a.value_type or a.expires_at)


def _said(a: Attribute, value: Json) -> bytes:
    """What no other field of an instance holds."""
    said = Attribute(
        value,
        kind=a.kind,
        unit_code=a.unit_code,
        expires_at=a.expires_at,
        value_type=a.value_type,
        object_type=a.object_type,
        sub=a.sub,
    )
    return _encode(said)


_encode = msgspec.json.Encoder().encode


def erased(change: Change | None, news: Changed) -> list[Erase]:
    """What is taken out before that: a record of a time that is there already replaces it, and
    what ended by itself leaves nothing behind.
    """
    if change is None:
        return _ended(news)
    id = change.entity.id
    if change.rewrite is not None:
        what = change.rewrite
        return [Erase(id, what.attribute, what.datasets, what.instance_id or "", what.at)]
    if change.operation != "record":
        return []
    times: defaultdict[tuple[str, str | None], list[datetime]] = defaultdict(list)
    for name, instances in change.entity.attributes.items():
        for instance in instances:
            if instance.observed_at:
                times[name, instance.dataset_id].append(instance.observed_at)
    return [Erase(id, name, (dataset,), observed=tuple(t)) for (name, dataset), t in times.items()]


def _ended(news: Changed) -> list[Erase]:
    if news.before is None or news.after is None:
        return []
    found = []
    for name in sorted(news.attributes):
        left = {i.dataset_id for i in news.after.attributes.get(name, ())}
        gone = [i.dataset_id for i in news.before.attributes[name] if i.dataset_id not in left]
        if gone:
            found.append(Erase(news.subject.id, name, tuple(gone)))
    return found
