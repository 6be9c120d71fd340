"""JSON of a client into a good `Subscription` (clauses 5.8.1.4 and 5.8.2.4).

What comes out has names in their canonical form, an expiry that is not past, an address that can
be told, and a `q`, a geometry and types that can be understood.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from townsquare.context.choices import read_scopes
from townsquare.context.form.read import read_name
from townsquare.context.jsonld import Terms
from townsquare.context.language import parse
from townsquare.context.query import read_pattern
from townsquare.context.subscriptions import address
from townsquare.context.subscriptions.naming import ANY, read_types
from townsquare.context.subscriptions.query import decoded
from townsquare.context.subscriptions.view import near, style
from townsquare.context.subscriptions.wire import Params, Selector, Subscription, renamed
from townsquare.context.values import is_uri
from townsquare.model.entity import NULL, Json
from townsquare.model.errors import Invalid

LONGEST = 64 * 1024  # bytes of a subscription


def read(json: Json, terms: Terms, now: datetime, *, past: bool = False) -> Subscription:
    """`past` allows `temporalQ`. Raises Invalid."""
    if not isinstance(json, dict):
        raise Invalid("a subscription must be a JSON object")
    given = converted(_present(json))
    if given.expires_at and given.expires_at <= now:
        raise Invalid(f"expiresAt {given.expires_at} is past")
    _check(given, past=past)
    return _canonical(given, terms)


def amended(
    kept: Subscription, fragment: Json, terms: Terms, now: datetime, *, past: bool = False
) -> Subscription:
    """The subscription after a fragment that replaces members as a whole (clause 5.5.8).

    Raises Invalid.
    """
    if not isinstance(fragment, dict) or not fragment:
        raise Invalid("a subscription fragment must be a JSON object with the members to change")
    if fragment.get("id", kept.id) != kept.id:
        raise Invalid(f"the id of a subscription cannot change, and this one is {kept.id}")
    before: dict[str, Json] = msgspec.to_builtins(renamed(kept, terms.compact))
    gone = {name for name, value in fragment.items() if value in (None, NULL)}
    changed = {**before, **{n: v for n, v in fragment.items() if n not in gone}}
    given = converted(_present({n: v for n, v in changed.items() if n not in gone}))
    if "expiresAt" in fragment and given.expires_at and given.expires_at <= now:
        raise Invalid(f"expiresAt {given.expires_at} is past")
    _check(given, past=past)
    return _canonical(given, terms)


def _present(json: Mapping[str, Json]) -> dict[str, Json]:
    """Without JSON nulls, which mean in JSON-LD that the member is not there."""
    return {
        name: _present(value) if name in ("notification", "endpoint") and _object(value) else value
        for name, value in json.items()
        if value is not None
    }


def _object(json: Json) -> bool:
    return isinstance(json, dict)


def converted(json: Mapping[str, Json]) -> Subscription:
    try:
        return msgspec.convert(json, Subscription)
    except msgspec.ValidationError as error:
        raise Invalid(f"the subscription is wrong: {error}") from error


def _canonical(given: Subscription, terms: Terms) -> Subscription:
    if len(msgspec.json.encode(given)) > LONGEST:
        raise Invalid(f"a subscription has at most {LONGEST} bytes")
    return renamed(given, terms.expand)


def _check(given: Subscription, *, past: bool) -> None:
    _check_uris("id", () if given.id is None else (given.id,))
    if given.temporal_q is not None and not past:
        raise Invalid("temporalQ is for subscriptions to context source registrations")
    _check_what(given)
    _check_when(given)
    _check_params(given.notification)
    style(given)
    address.check(given.notification.endpoint)


def _check_what(given: Subscription) -> None:
    if not (given.entities or given.watched_attributes or given.local_only):
        raise Invalid("a subscription needs entities, watchedAttributes, or localOnly true")
    for selector in given.entities or ():
        _check_selector(selector, given.local_only)
    for name in given.watched_attributes or ():
        read_name(name)
    for text in filter(None, (given.q, given.csf)):
        parse(decoded(text))
    if given.scope_q:
        read_scopes(given.scope_q)
    if given.geo_q:
        near(given.geo_q)
    _check_uris("datasetId", [id for id in given.dataset_id or () if id != "@none"])


def _check_uris(member: str, ids: Iterable[str]) -> None:
    for id in ids:
        if not is_uri(id):
            raise Invalid(f"{member} must be a URI, is {id[:200]!r}")


def _check_selector(selector: Selector, local_only: bool | None) -> None:
    if selector.type == ANY and local_only is False:
        raise Invalid("type * is for local entities, so localOnly cannot be false")
    for choice in read_types(selector.type):
        for name in choice:
            read_name(name)
    _check_uris("id of entities", selector.ids)
    read_pattern(selector.id_pattern or "")


def _check_when(given: Subscription) -> None:
    if given.time_interval is None:
        return
    if given.throttling is not None:
        raise Invalid("a subscription has timeInterval or throttling, not both")
    if given.watched_attributes:
        raise Invalid("a subscription has timeInterval or watchedAttributes, not both")
    if not (given.entities or given.local_only):
        raise Invalid("timeInterval needs entities")


def _check_params(given: Params) -> None:
    if given.show_changes and given.format in ("simplified", "keyValues"):
        raise Invalid(f"showChanges has no place in the format {given.format}")
    if given.attributes and (given.pick or given.omit):
        raise Invalid("notification has attributes, or pick and omit, not both")
    for name in given.attributes or ():
        if name in ("id", "type", "scope"):
            raise Invalid(f"notification.attributes: {name} is no attribute; use pick")
        read_name(name)
