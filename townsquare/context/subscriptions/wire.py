"""A subscription as it is on the wire (clauses 5.2.12 to 5.2.15, 5.2.22 and 5.2.33).

What is absent stays absent, so that a client gets back what it gave; defaults are applied where
they are used. Read-only members that a client sends are ignored, and so are unknown ones.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from townsquare.context.http import JSON
from townsquare.context.subscriptions.naming import in_other_words
from townsquare.model.entity import Json

Trigger = Literal[
    "entityCreated",
    "entityUpdated",
    "entityDeleted",
    "attributeCreated",
    "attributeUpdated",
    "attributeDeleted",
]
USUAL_TRIGGERS: tuple[Trigger, ...] = ("attributeCreated", "attributeUpdated")
Format = Literal["normalized", "concise", "simplified", "keyValues"]
Join = Literal["flat", "inline", "@none"]
Positive = Annotated[int, Meta(gt=0, le=10**9)] | Annotated[float, Meta(gt=0, le=1e9)]
Interval = Annotated[int, Meta(ge=1, le=10**9)] | Annotated[float, Meta(ge=0.1, le=1e9)]
Time = Annotated[datetime, Meta(tz=True)]
Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Texts = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=200)]


class Pair(Struct, frozen=True):
    key: Text
    value: Annotated[str, Meta(max_length=8000)]


Pairs = Annotated[tuple[Pair, ...], Meta(max_length=50)]


class Endpoint(Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    """Where to tell. `cooldown` and `timeout` are milliseconds."""

    uri: Text
    accept: Literal["application/json", "application/ld+json", "application/geo+json"] | None = None
    receiver_info: Pairs | None = None
    notifier_info: Pairs | None = None
    cooldown: Positive | None = None
    timeout: Positive | None = None

    @property
    def media(self) -> str:
        return self.accept or JSON


class Params(Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    """`notification`: what to tell, and in which form."""

    attributes: Texts | None = None
    pick: Texts | None = None
    omit: Texts | None = None
    format: Format | None = None
    sys_attrs: bool | None = None
    show_changes: bool | None = None
    join: Join | None = None
    join_level: Annotated[int, Meta(ge=1, le=100)] | None = None
    endpoint: Endpoint


class Selector(Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    """Which entities: by types (clause 4.17), and by ids or else by a pattern of ids."""

    id: Text | Texts | None = None
    id_pattern: Text | None = None
    type: Text

    @property
    def ids(self) -> tuple[str, ...]:
        return (self.id,) if isinstance(self.id, str) else self.id or ()


class GeoQuery(Struct, frozen=True, omit_defaults=True, kw_only=True):
    georel: Text
    geometry: Text
    coordinates: Json
    geoproperty: Text | None = None


class Subscription(Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    """Intervals and throttling are seconds."""

    id: Text | None = None
    type: Literal["Subscription"]
    subscription_name: Text | None = None
    description: Text | None = None
    entities: Annotated[tuple[Selector, ...], Meta(min_length=1, max_length=100)] | None = None
    watched_attributes: Texts | None = None
    notification_trigger: (
        Annotated[tuple[Trigger, ...], Meta(min_length=1, max_length=6)] | None
    ) = None
    time_interval: Interval | None = None
    q: Text | None = None
    geo_q: GeoQuery | None = None
    scope_q: Text | None = None
    csf: Text | None = None
    temporal_q: Json = None
    dataset_id: Texts | None = None
    lang: Text | None = None
    expand_values: Text | None = None
    json_keys: Text | None = None
    split_entities: bool | None = None
    local_only: bool | None = None
    is_active: bool | None = None
    expires_at: Time | None = None
    throttling: Positive | None = None
    notification: Params
    jsonld_context: Text | None = None
    ngsild_conformance: Text | None = None

    @property
    def triggers(self) -> tuple[Trigger, ...]:
        return self.notification_trigger or USUAL_TRIGGERS


def renamed(given: Subscription, rename: Callable[[str], str]) -> Subscription:
    """The subscription with each name of a type and an attribute in other words."""
    return structs.replace(
        given,
        entities=given.entities and tuple(_selector(s, rename) for s in given.entities),
        watched_attributes=_names(given.watched_attributes, rename),
        geo_q=given.geo_q and _geo_query(given.geo_q, rename),
        notification=structs.replace(
            given.notification,
            attributes=_names(given.notification.attributes, rename),
            pick=_names(given.notification.pick, rename),
            omit=_names(given.notification.omit, rename),
        ),
    )


def _selector(selector: Selector, rename: Callable[[str], str]) -> Selector:
    return structs.replace(selector, type=in_other_words(selector.type, rename))


def _geo_query(query: GeoQuery, rename: Callable[[str], str]) -> GeoQuery:
    return structs.replace(query, geoproperty=query.geoproperty and rename(query.geoproperty))


def _names(names: tuple[str, ...] | None, rename: Callable[[str], str]) -> tuple[str, ...] | None:
    return names and tuple(in_other_words(name, rename) for name in names)
