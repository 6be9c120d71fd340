"""What a context source says of itself (clauses 5.2.8 to 5.2.11, 5.2.22 and 5.2.34).

A `Registration` is good: names are canonical, patterns can be understood, what is offered fits
the mode. Members that the standard does not have are Context Source Properties and are kept as
they came, under their canonical names.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from townsquare.context.sources.operations import offered
from townsquare.model.actor import Actor
from townsquare.model.entity import Json

TYPE = "ContextSourceRegistration"
Mode = Literal["inclusive", "exclusive", "redirect", "auxiliary"]

Text = Annotated[str, Meta(min_length=1, max_length=2048)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
Time = Annotated[datetime, Meta(tz=True)]
Duration = Annotated[
    str,
    Meta(
        pattern=r"^P(?=[0-9T])([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?"
        r"(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?$",
        max_length=60,
    ),
]
Milliseconds = Annotated[float, Meta(gt=0)]


class Group(Struct, frozen=True, omit_defaults=True, rename="camel"):
    """`type` holds all types that such an entity has; `id` goes before `id_pattern`."""

    type: Name | Annotated[list[Name], Meta(min_length=1, max_length=100)]
    id: Text | None = None
    id_pattern: Text | None = None

    @property
    def types(self) -> tuple[str, ...]:
        return (self.type,) if isinstance(self.type, str) else tuple(self.type)


Names = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=1000)]


class Information(Struct, frozen=True, omit_defaults=True, rename="camel"):
    entities: Annotated[tuple[Group, ...], Meta(min_length=1, max_length=1000)] | None = None
    property_names: Names | None = None
    relationship_names: Names | None = None

    @property
    def attributes(self) -> frozenset[str]:
        """Empty means: any."""
        return frozenset((*(self.property_names or ()), *(self.relationship_names or ())))


class Interval(Struct, frozen=True, omit_defaults=True, rename="camel"):
    start_at: Time
    end_at: Time | None = None

    def __post_init__(self) -> None:
        if self.end_at and self.end_at < self.start_at:
            raise ValueError("endAt is before startAt")


class Management(Struct, frozen=True, omit_defaults=True, rename="camel"):
    cache_duration: Duration | None = None
    cooldown: Milliseconds | None = None
    local_only: bool = False
    timeout: Milliseconds | None = None


class Pair(Struct, frozen=True):
    """A header field (RFC 9110) for requests to the source."""

    key: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")]
    value: Annotated[str, Meta(pattern=r"^[\x20-\x7e\t]{0,4096}$")]


class Registration(Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    id: Text
    type: Literal["ContextSourceRegistration"]
    endpoint: Text
    information: Annotated[tuple[Information, ...], Meta(min_length=1, max_length=100)]
    mode: Mode | None = None
    operations: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=100)] | None = None
    registration_name: Text | None = None
    description: Text | None = None
    tenant: Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,100}$")] | None = None
    context_source_alias: Annotated[str, Meta(pattern=r"^[\x21-\x2b\x2d-\x7e]{1,200}$")] | None = (
        None
    )
    context_source_info: Annotated[tuple[Pair, ...], Meta(max_length=50)] | None = None
    dataset_id: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=1000)] | None = None
    expires_at: Time | None = None
    location: Json = None
    observation_space: Json = None
    operation_space: Json = None
    observation_interval: Interval | None = None
    management_interval: Interval | None = None
    management: Management | None = None
    refresh_rate: Duration | None = None
    scope: Text | Annotated[tuple[Text, ...], Meta(min_length=1, max_length=100)] | None = None
    own: Mapping[str, Json] = {}  # Context Source Properties
    by: Actor | None = None  # who registered it; what a client says of it is not heard

    @property
    def offers(self) -> frozenset[str]:
        return offered(self.operations or ())

    @property
    def proxied(self) -> bool:
        """Whether this broker holds nothing itself of what is registered (clause 4.3.6.3)."""
        return self.mode in ("exclusive", "redirect")

    @property
    def local_only(self) -> bool:
        """Up to V1.6.1 the member stood in the registration itself."""
        return self.management.local_only if self.management else self.own.get("localOnly") is True

    @property
    def temporal(self) -> bool:
        return self.observation_interval is not None or self.management_interval is not None

    @property
    def scopes(self) -> tuple[str, ...]:
        return (self.scope,) if isinstance(self.scope, str) else self.scope or ()

    @property
    def masked(self) -> "Registration":
        """As who may not register sees it: what a source is told may be a key to it."""
        return msgspec.structs.replace(self, context_source_info=None)

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


MEMBERS = {f.encode_name for f in msgspec.structs.fields(Registration)} - {"own", "by"}
