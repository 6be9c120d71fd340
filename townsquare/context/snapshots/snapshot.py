"""What a snapshot is, and what may be said of it (clauses 5.2.41, 5.2.42 and 5.3.4). Pure.

A snapshot belongs to who made it. Its entities lie in a tenant of its own, whose name no request
can say (it has a sign in it that the header NGSILD-Tenant does not allow).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import uuid4

import msgspec
from msgspec import Meta, Struct

from townsquare.context.aggregate import read_duration
from townsquare.context.http import APART
from townsquare.context.language import parse
from townsquare.context.query import All, Any, Condition, Linked
from townsquare.context.subscriptions import address
from townsquare.context.subscriptions.wire import Endpoint, Pairs
from townsquare.context.values import is_uri
from townsquare.model.actor import Actor, Why
from townsquare.model.entity import Json
from townsquare.model.errors import Invalid
from townsquare.store import Key

TYPE = "Snapshot"
USUAL, LONGEST = timedelta(hours=1), timedelta(days=1)  # what is erased is gone everywhere by then
Status = Literal["preparing", "success", "partial", "failure", "empty"]
Queries = Annotated[tuple[dict[str, Json], ...], Meta(min_length=1, max_length=20)]
QUERIES = ("snapshotQueries", "snapshotTemporalQueries")


class Details(Struct, frozen=True, omit_defaults=True, rename="camel"):
    result_status: Literal["success", "failure", "empty"]
    problem_details: Json = None


class Given(Struct, frozen=True, omit_defaults=True, rename="camel", kw_only=True):
    """What a client says of a snapshot."""

    id: Annotated[str, Meta(max_length=2048)] = ""
    snapshot_queries: Queries | None = None
    snapshot_temporal_queries: Queries | None = None
    snapshot_lifetime: str | None = None
    snapshot_priority: Annotated[int, Meta(ge=1, le=10)] = 5
    endpoint: Annotated[str, Meta(max_length=2048)] | None = None
    receiver_info: Pairs | None = None

    @property
    def lifetime(self) -> timedelta:
        text = self.snapshot_lifetime
        return min(read_duration(text, "snapshotLifetime").mean(), LONGEST) if text else USUAL

    @property
    def told(self) -> Endpoint | None:
        if not self.endpoint:
            return None
        return Endpoint(uri=self.endpoint, receiver_info=self.receiver_info)


class Snapshot(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`context` is the address of what its queries are written in; `copied` is the one that it is
    a clone of, by the tenant that its entities lie in, `found_at` when what it has was found.
    """

    given: Given
    tenant: str
    by: Actor
    why: Why
    context: str
    created_at: datetime
    modified_at: datetime
    expires_at: datetime
    place: str
    status: Status = "preparing"
    details: tuple[Details, ...] = ()
    past_details: tuple[Details, ...] = ()
    copied: str = ""
    found_at: datetime | None = None  # None: when it was created

    @property
    def id(self) -> str:
        return self.given.id

    @property
    def key(self) -> Key:
        return Key(self.tenant, "snapshot", self.id)

    @property
    def oldest(self) -> datetime:
        return self.found_at or self.created_at

    def json(self, last_used: datetime) -> dict[str, Json]:
        told: dict[str, Json] = {
            "id": self.id,
            "type": TYPE,
            **msgspec.to_builtins(self.given),
            "snapshotPriority": self.given.snapshot_priority,
            "snapshotStatus": self.status,
            "snapshotQueriesDetails": msgspec.to_builtins(self.details),
            "snapshotTemporalQueriesDetails": msgspec.to_builtins(self.past_details),
            "createdAt": self.created_at,
            "modifiedAt": self.modified_at,
            "expiresAt": self.expires_at,
            "lastUsedAt": last_used,
        }
        return {name: value for name, value in told.items() if value not in ((), [])}

    def members(self, last_used: datetime) -> dict[str, Json]:
        """To be asked for by `q`."""
        told: dict[str, Json] = msgspec.to_builtins(self.json(last_used))
        return told

    def notification(self, now: datetime) -> dict[str, Json]:
        told = {
            "id": f"urn:ngsi-ld:SnapshotNotification:{uuid4()}",
            "type": "SnapshotNotification",
            "expiresAt": self.expires_at,
            "notifiedAt": now,
            "snapshotId": self.id,
            "snapshotPriority": self.given.snapshot_priority,
            "snapshotQueriesDetails": msgspec.to_builtins(self.details),
            "snapshotStatus": self.status,
            "temporalSnapshotQueriesDetails": msgspec.to_builtins(self.past_details),
        }
        return {name: value for name, value in told.items() if value not in ((), [])}


OUTPUT = frozenset(
    {"snapshotStatus", "snapshotQueriesDetails", "snapshotTemporalQueriesDetails"}
    | {"createdAt", "modifiedAt", "expiresAt", "lastUsedAt"}
)
MEMBERS = OUTPUT | {f.encode_name for f in msgspec.structs.fields(Given)} | {"type"}


def end(given: Given, now: datetime, oldest: datetime) -> datetime:
    """Neither renewed nor as a clone does anything outlive the longest time."""
    return min(now + given.lifetime, oldest + LONGEST)


def fresh_place(tenant: str) -> str:
    return f"{tenant}{APART}{uuid4().hex}"


def read(json: Json, *, clone: bool = False) -> Given:
    """Raises Invalid. What only the broker says is not heard; a clone has no queries."""
    members = _members(json)
    if not clone and not any(members.get(name) for name in QUERIES):
        raise Invalid(f"a snapshot needs {' or '.join(QUERIES)}")
    if clone and (own := [name for name in QUERIES if name in members]):
        raise Invalid(f"a clone is of what was found already; take out {own[0]}")
    given = _given({"id": f"urn:ngsi-ld:{TYPE}:{uuid4()}", **members})
    if not is_uri(given.id):
        raise Invalid(f"the id of a snapshot is a URI, not {given.id[:200]!r}")
    return given


def amended(before: Given, fragment: Json) -> Given:
    """Raises Invalid for what cannot be changed any more (clause 5.16.4.4)."""
    members = _members(fragment)
    for name in ("id", *QUERIES):
        if name in members and members[name] != getattr(before, name, None):
            raise Invalid(f"{name} of a snapshot cannot be changed")
    return _given({**msgspec.to_builtins(before), **members})


def _members(json: Json) -> dict[str, Json]:
    if not isinstance(json, dict):
        raise Invalid("a snapshot must be a JSON object")
    if json.get("type", TYPE) != TYPE:
        raise Invalid(f"type must be {TYPE}, is {str(json['type'])[:80]!r}")
    known = MEMBERS - OUTPUT - {"type"}
    return {name: value for name, value in json.items() if name in known}


def _given(members: Mapping[str, Json]) -> Given:
    try:
        given = msgspec.convert(members, Given)
    except msgspec.ValidationError as error:
        raise Invalid(f"the snapshot is wrong: {error}") from error
    if not given.lifetime:
        raise Invalid("snapshotLifetime must be longer than nothing")
    if given.told:
        address.check(given.told)
    return given


def outcome(details: Sequence[Details]) -> Status:
    """Clause 5.16.1.4."""
    results = {one.result_status for one in details}
    if results == {"success"}:
        return "success"
    if "success" in results:
        return "partial"
    return "empty" if "empty" in results else "failure"


def condition(q: str) -> Condition:
    """Of members of a snapshot alone (clause 5.16.7.4). Raises Invalid."""
    if not q:
        raise Invalid(f"q must say which snapshots: by {', '.join(sorted(MEMBERS))}")
    return _of_members(parse(q))


def _of_members(q: Condition) -> Condition:
    if isinstance(q, All | Any):
        return replace(q, terms=tuple(map(_of_members, q.terms)))
    # What other entities have besides their attributes a snapshot has as members like all others.
    path = q.path if q.path.attribute else replace(q.path, attribute=q.path.member, member="")
    if isinstance(q, Linked) or path.attribute not in MEMBERS:
        raise Invalid(f"{path.attribute[:80]!r} is no member of a snapshot")
    return replace(q, path=path)
