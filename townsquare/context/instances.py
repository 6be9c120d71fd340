"""What the instances of one attribute become by a change (clauses 5.5.8, 5.5.12 and 5.6).

Pure. Instances are told apart by datasetId; the default instance has none and comes first. Only
plain attributes leave here, never fragments.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import UNSET

from townsquare.context.past import new_instance
from townsquare.context.values import fitted
from townsquare.model.change import Defaults, Fragment
from townsquare.model.entity import NULL, Attribute, Instances, Json
from townsquare.model.errors import Invalid, NotFound

NO_DEFAULTS = Defaults()


def of(present: Instances, dataset_id: str | None) -> Attribute | None:
    for instance in present:
        if instance.dataset_id == dataset_id:
            return instance
    return None


def overwritten(present: Instances, given: Attribute, now: datetime) -> Instances:
    """With `given` in the place of the instance with its datasetId; null removes that one."""
    old = of(present, given.dataset_id)
    return _placed(present, old, None if given.value == NULL else _stamped(given, old, now))


def merged(
    name: str, present: Instances, given: Attribute, now: datetime, defaults: Defaults
) -> Instances:
    """With `given` merged into the instance with its datasetId (clause 5.5.12)."""
    if not present:
        return begun(name, given, now)
    old = of(present, given.dataset_id)
    if given.value == NULL:
        return _placed(present, old, None)
    new = _merged(name, old, given, defaults) if old else _whole(name, given)
    if _speechless(new):
        return _placed(present, old, None)
    return _placed(present, old, _stamped(new, old, now))


def begun(name: str, given: Attribute, now: datetime) -> Instances:
    """Of an attribute that was not there; a null has nothing to remove."""
    if given.value == NULL:
        return ()
    new = _whole(name, given)
    return () if _speechless(new) else (_stamped(new, None, now),)


def _speechless(attribute: Attribute) -> bool:
    """Its last language is gone, and with it the attribute."""
    return attribute.kind == "LanguageProperty" and not attribute.value


def patched(name: str, present: Instances, given: Attribute, now: datetime) -> Instances:
    """With the members that are given in the instance, which must exist (clause 5.5.8)."""
    old = existing(name, present, given.dataset_id)
    if given.value == NULL:
        return _placed(present, old, None)
    return _placed(present, old, _stamped(_patched(name, old, given), old, now))


def put(name: str, present: Instances, given: Attribute, now: datetime) -> Instances:
    old = existing(name, present, given.dataset_id)
    return _placed(present, old, _stamped(given, old, now))


def removed(name: str, present: Instances, dataset_id: str | None) -> Instances:
    return _placed(present, existing(name, present, dataset_id), None)


def existing(name: str, present: Instances, dataset_id: str | None) -> Attribute:
    """Raises NotFound."""
    found = of(present, dataset_id)
    if found is None:
        which = f"no instance with the datasetId {dataset_id}" if dataset_id else "no default"
        raise NotFound(
            f"the attribute {name} does not exist" if not present else f"{name}: {which}"
        )
    return found


def merged_value(old: Json, new: Json) -> Json:
    """JSON merge patch (RFC 7396) in which `urn:ngsi-ld:null` removes."""
    if not isinstance(new, dict):
        return new
    result = dict(old) if isinstance(old, dict) else {}
    for name, value in new.items():
        if value == NULL:
            result.pop(name, None)
        else:
            result[name] = merged_value(result.get(name), value)
    return result


def _placed(present: Instances, old: Attribute | None, new: Attribute | None) -> Instances:
    others = tuple([i for i in present if i is not old])
    if new is None:
        return others
    # The default instance comes first, so that the usual read finds it at once.
    return (new, *others) if new.dataset_id is None else (*others, new)


def _stamped(new: Attribute, old: Attribute | None, now: datetime) -> Attribute:
    # By their places: with names it takes twice as long, and it is done for every attribute.
    return Attribute(
        new.value,
        new.kind,
        new.observed_at,
        new.unit_code,
        new.dataset_id,
        old.created_at if old else now,
        now,
        None,
        new_instance(),
        new.expires_at,
        new.value_type,
        new.object_type,
        new.sub,
        new.entity_id_sealed,
        new.entity_type_sealed,
    )


def _merged(name: str, old: Attribute, given: Attribute, defaults: Defaults) -> Attribute:
    given = _understood(name, old, given, defaults)
    if given.kind != old.kind:
        return _whole(name, given)
    value = old.value if given.value is UNSET else given.value
    if given.kind != "GeoProperty":
        value = merged_value(old.value, value)
    observed_at = given.observed_at or (old.observed_at and defaults.observed_at)
    sub = _subs(name, old.sub, given.sub, _merged_sub)
    return _with_members(old, given, value, observed_at, sub)


def _merged_sub(name: str, old: Attribute | None, given: Attribute) -> Attribute:
    return _merged(name, old, given, NO_DEFAULTS) if old else _bare(_whole(name, given))


def _patched(name: str, old: Attribute, given: Attribute) -> Attribute:
    given = _understood(name, old, given, NO_DEFAULTS)
    if given.kind != old.kind:
        raise Invalid(
            f"{name} is a {old.kind} and cannot become a {given.kind} by a partial update;"
            " replace it with PUT"
        )
    value = old.value if given.value is UNSET else given.value
    sub = _subs(name, old.sub, given.sub, lambda n, _, new: _bare(_whole(n, new)))
    return _with_members(old, given, value, given.observed_at, sub)


def _subs(
    name: str,
    old: Mapping[str, Attribute],
    given: Mapping[str, Attribute],
    joined: Callable[[str, Attribute | None, Attribute], Attribute],
) -> Mapping[str, Attribute]:
    if not given:
        return old
    result = dict(old)
    for key, attribute in given.items():
        result.pop(key, None)
        if attribute.value != NULL:
            new = joined(f"{name}.{key}", old.get(key), attribute)
            if not _speechless(new):
                result[key] = new
    return result


def _with_members(
    old: Attribute,
    given: Attribute,
    value: Json,
    observed_at: datetime | None,
    sub: Mapping[str, Attribute],
) -> Attribute:
    """The instance with the members that the patch gives, and without those that it removes."""
    gone = given.removed if isinstance(given, Fragment) else frozenset()

    def left(member: str, new: Any, before: Any) -> Any:
        return None if member in gone else new or before

    return Attribute(
        value=value,
        kind=given.kind,
        observed_at=left("observedAt", observed_at, old.observed_at),
        unit_code=left("unitCode", given.unit_code, old.unit_code),
        dataset_id=old.dataset_id,
        created_at=old.created_at,
        expires_at=left("expiresAt", given.expires_at, old.expires_at),
        value_type=left("valueType", given.value_type, old.value_type),
        object_type=left("objectType", given.object_type, old.object_type) or (),
        sub=sub,
        entity_id_sealed=given.entity_id_sealed or old.entity_id_sealed,
        entity_type_sealed=given.entity_type_sealed or old.entity_type_sealed,
    )


def _understood(name: str, old: Attribute, given: Attribute, defaults: Defaults) -> Attribute:
    """With the kind of the old instance, where the patch leaves it open. Raises Invalid."""
    if not isinstance(given, Fragment) or not given.kinds:
        return given
    value = given.value
    if old.kind not in given.kinds:
        raise Invalid(f"{name} is a {old.kind}; to make it another, say its type")
    if old.kind == "LanguageProperty" and isinstance(value, str | list):
        if defaults.lang is None:
            raise Invalid(f"{name} is in several languages; say which one with lang")
        value = {defaults.lang: value}
    if value is not UNSET:
        value = fitted(name, old.kind, value, merging=True)
    return msgspec.structs.replace(given, kind=old.kind, value=value)


def _whole(name: str, given: Attribute) -> Attribute:
    """A fragment as an attribute that was not there yet. Raises Invalid if it has no value."""
    if given.value is UNSET:
        raise Invalid(f"{name} does not exist yet and needs a value")
    if not given.sub and not isinstance(given.value, dict):
        return given
    value = given.value if given.kind == "GeoProperty" else merged_value(None, given.value)
    return msgspec.structs.replace(
        given, value=value, sub=_subs(name, {}, given.sub, lambda n, _, new: _bare(_whole(n, new)))
    )


def _bare(given: Attribute) -> Attribute:
    """A sub-attribute, which has no times of its own in the broker."""
    if not isinstance(given, Fragment):
        return given
    fields = {name: getattr(given, name) for name in Attribute.__struct_fields__}
    return Attribute(**fields)
