"""The past of entities as JSON and back (clauses 4.5.6 to 4.5.9 and 4.5.19)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

import msgspec

from townsquare.context import aggregate
from townsquare.context.form.attribute import (
    UPDATE,
    VALUE_MEMBER,
    WHOLE,
    Rules,
    read_attribute,
    read_name,
)
from townsquare.context.form.read import ENTITY_MEMBERS, read_entity
from townsquare.context.form.write import full
from townsquare.context.jsonld import Terms
from townsquare.context.temporal import Aggregates
from townsquare.model.entity import NULL, Attribute, Entity, Json, Kind
from townsquare.model.errors import Invalid, InvalidRequest, TooComplex
from townsquare.store.past import SCOPE, Tally, TimeProperty

MOST_INSTANCES = 100_000  # in one request
TIME: Mapping[TimeProperty, str] = {
    "observedAt": "observed_at",
    "createdAt": "created_at",
    "modifiedAt": "modified_at",
    "deletedAt": "deleted_at",
}
WRAPPED = ("LanguageProperty", "JsonProperty", "VocabProperty")


# --- reading


def read_evolution(json: Json, terms: Terms, *, id: str = "", need_type: bool = True) -> Entity:
    """An entity with instances in time; of one dataset there may be many. Raises Invalid."""
    if not isinstance(json, dict):
        raise Invalid("an entity must be a JSON object")
    frame = {name: part for name, part in json.items() if name in ENTITY_MEMBERS}
    if _is_evolution(json.get(SCOPE)):
        del frame[SCOPE]
    names = [name for name in json if name not in frame]
    if sum(len(json[n]) if isinstance(json[n], list) else 1 for n in names) > MOST_INSTANCES:
        raise TooComplex(f"more than {MOST_INSTANCES} instances; send them in parts")
    given = read_entity(frame, terms, id=id, need_type=need_type)
    attributes = {terms.expand(read_name(n)): _instances(n, json[n], terms) for n in names}
    return msgspec.structs.replace(given, attributes=attributes)


def _is_evolution(scope: Json) -> bool:
    parts = scope if isinstance(scope, list) else [scope]
    return any(isinstance(part, dict) for part in parts)


def _instances(name: str, json: Json, terms: Terms) -> tuple[Attribute, ...]:
    parts = json if isinstance(json, list) else [json]
    if not parts:
        raise Invalid(f"{name} has no instance")
    return tuple(read_instance(name, part, terms, UPDATE) for part in parts)


def read_instance(name: str, json: Json, terms: Terms, rules: Rules = WHOLE) -> Attribute:
    """One instance in time, also of the scope. Raises Invalid."""
    found = read_attribute(name, json, terms, rules)
    if name == SCOPE:
        read_entity({"id": "urn:x", SCOPE: found.value}, terms, need_type=False)
    return found


# --- writing

Called = Callable[[str | None], str | None]


def write_evolution(
    entity: Entity, terms: Terms, *, concise: bool, sys: bool, of: TimeProperty, called: Called
) -> Json:
    """Each instance with its id as it is `called`, and with the time that was asked about."""
    json = _frame(entity, terms)
    if sys:
        json |= {"createdAt": entity.created_at, "modifiedAt": entity.modified_at}
    for name, instances in entity.attributes.items():
        json[terms.compact(name)] = [
            {**_full(i, terms, concise, sys, of), "instanceId": called(i.instance_id)}
            for i in instances
        ]
    return json


def _frame(entity: Entity, terms: Terms) -> dict[str, Json]:
    types = [terms.compact(t) for t in entity.types]
    return {"id": entity.id, "type": types[0] if len(types) == 1 else types}


def _full(a: Attribute, terms: Terms, concise: bool, sys: bool, of: TimeProperty) -> Json:
    json = full(a, terms, "concise" if concise else "normalized", sys)
    times = {"deletedAt": a.deleted_at, of: getattr(a, TIME[of])}
    ended = {VALUE_MEMBER[a.kind]: null(a.kind)} if a.value == NULL else {}
    return {
        **(json if isinstance(json, dict) else {VALUE_MEMBER[a.kind]: json}),
        **ended,
        **{name: at for name, at in times.items() if at is not None},
    }


def null(kind: Kind) -> Json:
    """How an attribute says that it is gone (clause 4.5.0)."""
    special: Mapping[Kind, Json] = {
        "LanguageProperty": {"@none": NULL},
        "ListProperty": [NULL],
        "ListRelationship": [{"object": NULL}],
    }
    return special.get(kind, NULL)


def write_values(entity: Entity, terms: Terms, of: TimeProperty) -> Json:
    """Pairs of value and time (clause 4.5.9)."""
    json = _frame(entity, terms)
    for name, instances in entity.attributes.items():
        sets: defaultdict[str | None, list[Attribute]] = defaultdict(list)
        for instance in instances:
            sets[instance.dataset_id].append(instance)
        parts = [_pairs(dataset, of_set, of) for dataset, of_set in sets.items()]
        json[terms.compact(name)] = _one_or_all(parts) or {"type": "Property", "values": []}
    return json


def _pairs(dataset: str | None, instances: Sequence[Attribute], of: TimeProperty) -> Json:
    kind = instances[-1].kind
    member = VALUE_MEMBER[kind]
    values = [null(kind) if i.value == NULL else i.value for i in instances]
    shown = [{member: value} for value in values] if kind in WRAPPED else values
    pairs = [[value, _moment(i, of)] for value, i in zip(shown, instances, strict=True)]
    return {"type": kind, **_dataset(dataset), f"{member}s": pairs}


def _moment(a: Attribute, of: TimeProperty) -> datetime | None:
    found: datetime | None = getattr(a, TIME[of])
    return found or a.deleted_at or a.created_at


def _dataset(dataset: str | None) -> Mapping[str, Json]:
    return {} if dataset is None else {"datasetId": dataset}


def _one_or_all(parts: list[Json]) -> Json:
    return parts[0] if len(parts) == 1 else parts


def write_aggregates(
    found: Aggregates, terms: Terms, methods: Sequence[str], asked: Iterable[str]
) -> list[Json]:
    """Values by method and period (clause 4.5.19). Raises InvalidRequest where a method does not
    fit an attribute that was asked for by name.
    """
    of: defaultdict[str, defaultdict[str, defaultdict[str | None, list[Tally]]]]
    of = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for tally in found.tallies:
        of[tally.entity][tally.attribute][tally.dataset_id].append(tally)
    periods = list(pairwise(found.edges))
    written = []
    for entity in found.entities:
        json = _frame(entity, terms)
        for name, sets in of[entity.id].items():
            strict = name in asked
            parts = [_series(d, tallies, periods, methods, strict) for d, tallies in sets.items()]
            json[terms.compact(name)] = _one_or_all(parts)
        written.append(json)
    return written


def _series(
    dataset: str | None,
    tallies: Sequence[Tally],
    periods: Sequence[tuple[datetime, datetime]],
    methods: Sequence[str],
    strict: bool,
) -> Json:
    linked = any("relationship" in tally.kinds for tally in tallies)
    json: dict[str, Json] = {"type": "Relationship" if linked else "Property", **_dataset(dataset)}
    for method in methods:
        values = [(aggregate.value(method, tally), periods[tally.period]) for tally in tallies]
        json[method] = [[value, *period] for value, period in values if value is not None]
        if strict and not json[method]:
            raise InvalidRequest(f"{method} does not fit {tallies[0].attribute}: {_kinds(tallies)}")
    return json


def _kinds(tallies: Sequence[Tally]) -> str:
    return ", ".join(sorted({kind for tally in tallies for kind in tally.kinds}))
