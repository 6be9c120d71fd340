"""A notification of a source as a letter for our own subscriber (clauses 5.3.1 and 5.8.6). Pure.

A source may be wrong or hostile: only what its registration has and the subscription is about is
taken. What was deleted is told by it as `urn:ngsi-ld:null`, what was before as `previousValue` and
its kin.
"""

from collections.abc import Mapping

import msgspec

from townsquare.context.form.attribute import VALUE_MEMBER
from townsquare.context.form.read import ENTITY_MEMBERS
from townsquare.context.sources.received import MOST, Reader
from townsquare.context.subscriptions.letters import Part
from townsquare.context.subscriptions.matching import Compiled
from townsquare.context.values import is_null
from townsquare.model.entity import NULL, Attribute, Entity, Instances, Json, Kind
from townsquare.model.errors import Invalid, TooComplex

PREVIOUS: Mapping[str, str] = {
    f"previous{member[0].upper()}{member[1:]}": member for member in VALUE_MEMBER.values()
}


def parts(body: Mapping[str, Json], reader: Reader, one: Compiled) -> tuple[Part, ...]:
    """Raises Invalid, or TooComplex for more than is taken at once."""
    data = body.get("data")
    if not isinstance(data, list) or not all(isinstance(json, dict) for json in data):
        raise Invalid("data must be a list of entities")
    if len(data) > MOST:
        raise TooComplex(f"a notification has at most {MOST} entities; send them in parts")
    found = [_part(json, reader) for json in data]
    return tuple(
        part for part in found if part and one.admits(part.entity.id, frozenset(part.entity.types))
    )


def _part(json: dict[str, Json], reader: Reader) -> Part | None:
    now, before, ended = _apart(json)
    entity, was = _read(now, reader), _read(before, reader)
    if entity is None or was is None:
        return None
    names = {reader.words.expand(name): instances for name, instances in ended.items()}
    known = {n: i for n, i in names.items() if reader.takes(entity, n)}
    was = msgspec.structs.replace(was, attributes={**was.attributes, **known})
    return Part(entity, was, "deletedAt" in json)


def _read(json: dict[str, Json], reader: Reader) -> Entity | None:
    found = reader.entities(json)
    return found[0] if found else None


def _apart(
    json: Mapping[str, Json],
) -> tuple[dict[str, Json], dict[str, Json], dict[str, Instances]]:
    """What is, what was, and what ended without a word of what it was."""
    now = {name: part for name, part in json.items() if name in ENTITY_MEMBERS}
    before, ended = dict(now), dict[str, Instances]()
    for name, told in json.items():
        if name in ENTITY_MEMBERS:
            continue
        instances = told if isinstance(told, list) else [told]
        if there := [_bare(i) for i in instances if not _is_gone(i)]:
            now[name] = there if isinstance(told, list) else there[0]
        if was := [old for old in map(_before, instances) if old]:
            before[name] = was
        silent = [i for i in instances if _is_gone(i) and not _before(i)]
        if silent:
            ended[name] = tuple(map(_ended, silent))
    return now, before, ended


def _kind(json: Json) -> Kind:
    given = json.get("type") if isinstance(json, dict) else None
    return next((kind for kind in VALUE_MEMBER if kind == given), "Property")


def _is_gone(json: Json) -> bool:
    if not isinstance(json, dict):
        return bool(json == NULL)
    kind = _kind(json)
    return is_null(kind, json.get(VALUE_MEMBER[kind]))


def _bare(json: Json) -> Json:
    if not isinstance(json, dict):
        return json
    return {name: part for name, part in json.items() if name not in PREVIOUS}


def _before(json: Json) -> Json:
    """As it was, where that is told."""
    if not isinstance(json, dict):
        return None
    was = {PREVIOUS[name]: part for name, part in json.items() if name in PREVIOUS}
    if not was:
        return None
    marks = {name: json[name] for name in ("type", "datasetId") if name in json}
    return {**marks, **was}


def _ended(json: Json) -> Attribute:
    dataset = json.get("datasetId") if isinstance(json, dict) else None
    named = dataset if isinstance(dataset, str) and dataset != "@none" else None
    return Attribute(NULL, _kind(json), dataset_id=named)
