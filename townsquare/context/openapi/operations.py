"""Every operation of the doors, one line each (clause 6).

A test holds the lines against the router, so no door is left out and none is promised that is
not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from townsquare.context.openapi.parameters import (
    CSF,
    DETAILS,
    EVOLUTION,
    FORM,
    INSTANCES,
    JOIN,
    LANGUAGE,
    LOCAL,
    MAP,
    MOMENT,
    OPTIONS,
    ORDER,
    PAGE,
    PERIODS,
    PLACE,
    PROJECTION,
    SELECTION,
    SPLIT,
    TEXT,
    TIME,
    TYPE,
    Parameter,
    Parameters,
)


@dataclass(frozen=True, slots=True)
class Line:
    """`path` has names in braces, `done` the statuses of success; `body` and `answer` name a
    schema, with [] for a list of these.
    """

    method: str
    path: str
    about: str
    done: Sequence[int]
    parameters: Parameters = ()
    body: str = ""
    answer: str = ""


MERGED = (
    Parameter("observedAt", MOMENT, "of every attribute that has none"),
    Parameter("format", TEXT, "of the body: simplified"),
    OPTIONS,
    LANGUAGE,
)
KEPT = (
    Parameter("keep", TEXT, "of the entities only these attributes stay"),
    Parameter("drop", TEXT, "of the entities these attributes go"),
)
READING = (*PROJECTION, *FORM, *JOIN, *PLACE, *LOCAL, *MAP)
PAST = (*TIME, *PERIODS, *PROJECTION, *EVOLUTION, *LOCAL, *MAP)
FINDING = (*SELECTION, *READING, *ORDER, *CSF, *PAGE, *SPLIT)
FINDING_PAST = (*SELECTION, *PAST, *CSF, *PAGE, *SPLIT)

ENTITY, ATTRS, ATTR = (
    "entities/{entityId}",
    "entities/{entityId}/attrs",
    "entities/{entityId}/attrs/{attrId}",
)
ENTITIES = (
    Line(
        "GET",
        "entities",
        "Query entities",
        (200, 201),
        FINDING,
        answer="Entity[]",
    ),
    Line("POST", "entities", "Create an entity", (201, 207), LOCAL, "Entity"),
    Line("DELETE", "entities", "Purge entities", (204, 207), (*SELECTION, *KEPT, *LOCAL)),
    Line("GET", ENTITY, "Retrieve an entity", (200,), (*TYPE, *READING), answer="Entity"),
    Line("PUT", ENTITY, "Replace an entity", (204, 207), (*TYPE, *LOCAL), "Fragment"),
    Line("PATCH", ENTITY, "Merge an entity", (204, 207), (*TYPE, *MERGED, *LOCAL), "Fragment"),
    Line("DELETE", ENTITY, "Delete an entity", (204, 207), (*TYPE, *LOCAL)),
    Line("POST", ATTRS, "Append attributes", (204, 207), (*TYPE, OPTIONS, *LOCAL), "Fragment"),
    Line("PATCH", ATTRS, "Update attributes", (204, 207), (*TYPE, *LOCAL), "Fragment"),
    Line("PATCH", ATTR, "Update part of one", (204, 207), (*TYPE, *LOCAL), "Attribute"),
    Line("PUT", ATTR, "Replace an attribute", (204, 207), (*TYPE, *LOCAL), "Attribute"),
    Line("DELETE", ATTR, "Delete an attribute", (204, 207), (*TYPE, *INSTANCES, *LOCAL)),
)

BATCH = "entityOperations"
BATCHES = (
    Line("POST", f"{BATCH}/create", "Create entities", (201, 207), LOCAL, "Entity[]"),
    Line(
        "POST",
        f"{BATCH}/upsert",
        "Create or change entities",
        (201, 204, 207),
        (OPTIONS, *LOCAL),
        "Entity[]",
    ),
    Line("POST", f"{BATCH}/update", "Update entities", (204, 207), (OPTIONS, *LOCAL), "Fragment[]"),
    Line("POST", f"{BATCH}/merge", "Merge entities", (204, 207), (OPTIONS, *LOCAL), "Fragment[]"),
    Line("POST", f"{BATCH}/delete", "Delete entities", (204, 207), LOCAL, "Id[]"),
    Line(
        "POST",
        f"{BATCH}/query",
        "Query entities by a body",
        (200, 201),
        (*FORM, *PAGE, *LOCAL),
        "Query",
        "Entity[]",
    ),
)

EVOLVED = "temporal/entities/{entityId}"
TEMPORAL = (
    Line(
        "GET",
        "temporal/entities",
        "Query the past of entities",
        (200, 201, 206),
        FINDING_PAST,
        answer="Entity[]",
    ),
    Line("POST", "temporal/entities", "Add to the past of an entity", (201, 204), LOCAL, "Entity"),
    Line(
        "GET",
        EVOLVED,
        "Retrieve the past of an entity",
        (200, 206),
        PAST,
        answer="Entity",
    ),
    Line("DELETE", EVOLVED, "Delete an entity and its past", (204,), (*TYPE, *LOCAL)),
    Line("POST", f"{EVOLVED}/attrs", "Add instances", (204,), (*TYPE, *LOCAL), "Fragment"),
    Line(
        "DELETE",
        f"{EVOLVED}/attrs/{{attrId}}",
        "Delete an attribute and its past",
        (204,),
        (*TYPE, *INSTANCES, *LOCAL),
    ),
    Line(
        "PATCH",
        f"{EVOLVED}/attrs/{{attrId}}/{{instanceId}}",
        "Change an instance",
        (204,),
        (*TYPE, *LOCAL),
        "Fragment",
    ),
    Line(
        "DELETE",
        f"{EVOLVED}/attrs/{{attrId}}/{{instanceId}}",
        "Delete an instance",
        (204,),
        (*TYPE, *LOCAL),
    ),
    Line(
        "POST",
        "temporal/entityOperations/query",
        "Query the past by a body",
        (200, 201, 206),
        (*EVOLUTION, *PERIODS, *PAGE, *LOCAL),
        "Query",
        "Entity[]",
    ),
)

MAP_OF_PAST = "temporal/entityMaps"
MAPS = (
    Line("GET", "entityMaps", "Keep what a query finds", (201,), FINDING, "", "EntityMap"),
    Line(
        "POST",
        "entityMaps",
        "Keep what a query by a body finds",
        (201,),
        (*FORM, *PAGE, *LOCAL),
        "Query",
        "EntityMap",
    ),
    Line(
        "GET",
        MAP_OF_PAST,
        "Keep what a query of the past finds",
        (201,),
        FINDING_PAST,
        "",
        "EntityMap",
    ),
    Line(
        "POST",
        MAP_OF_PAST,
        "Keep what a query of the past by a body finds",
        (201,),
        (*EVOLUTION, *PERIODS, *PAGE, *LOCAL),
        "Query",
        "EntityMap",
    ),
    Line("GET", "entityMaps/{entityMapId}", "An entity map", (200,), answer="EntityMap"),
    Line("PATCH", "entityMaps/{entityMapId}", "Change its end", (204,), (), "EntityMapFragment"),
    Line("DELETE", "entityMaps/{entityMapId}", "Delete an entity map", (204,)),
)

DISCOVERY = (
    Line("GET", "types", "List types of entities", (200,), (*DETAILS, *LOCAL)),
    Line("GET", "types/{type}", "What is known of a type", (200,), LOCAL),
    Line("GET", "attributes", "List names of attributes", (200,), (*DETAILS, *LOCAL)),
    Line("GET", "attributes/{attrId}", "What is known of an attribute", (200,), LOCAL),
)


def _kept(collection: str, thing: str, schema: str, asked: Parameters = ()) -> tuple[Line, ...]:
    """Subscriptions and registrations: five operations that differ in what is kept."""
    one, listing = f"{collection}/{{{schema.lower()}Id}}", (*asked, OPTIONS, *PAGE)
    return (
        Line("GET", collection, f"List {thing}s", (200,), listing, "", f"{schema}[]"),
        Line("POST", collection, f"Create a {thing}", (201,), (), schema),
        Line("GET", one, f"Retrieve a {thing}", (200,), (OPTIONS,), "", schema),
        Line("PATCH", one, f"Change a {thing}", (204,), (), f"{schema}Fragment"),
        Line("DELETE", one, f"Delete a {thing}", (204,)),
    )


SUBSCRIPTIONS = _kept("subscriptions", "subscription", "Subscription")
SOURCES = (
    *_kept(
        "csourceRegistrations",
        "registration",
        "Registration",
        (*SELECTION, *PROJECTION[2:3], *TIME[:-1], *CSF),
    ),
    *_kept("csourceSubscriptions", "subscription to registrations", "Subscription"),
    *_kept("csourceSubscriptions", "registration subscription", "Subscription"),
    Line("GET", "info/sourceIdentity", "Who this broker is", (200,)),
)
SNAPSHOT = "snapshots/{snapshotId}"
SNAPSHOTS = (
    Line("POST", "snapshots", "Keep a copy of what queries find", (201,), (), "Snapshot"),
    Line("DELETE", "snapshots", "Delete snapshots", (204,), (Parameter("q", TEXT, "which"),)),
    Line("GET", SNAPSHOT, "A snapshot and its status", (200,), answer="Snapshot"),
    Line("PATCH", SNAPSHOT, "Change a snapshot", (200,), (), "SnapshotFragment", "Snapshot"),
    Line("DELETE", SNAPSHOT, "Delete a snapshot", (204,)),
    Line("POST", f"{SNAPSHOT}/clone", "Copy a snapshot", (201,), (), "SnapshotFragment"),
)
KIND = Parameter("kind", {"enum": ["Hosted", "Cached", "ImplicitlyCreated"]}, "of context")
CONTEXTS = (
    Line("GET", "jsonldContexts", "List contexts", (200,), (*DETAILS, KIND)),
    Line("POST", "jsonldContexts", "Host a context", (201,), (), "Context"),
    Line("GET", "jsonldContexts/{contextId}", "A context", (200,), DETAILS),
    Line(
        "DELETE",
        "jsonldContexts/{contextId}",
        "Delete a context",
        (204,),
        (Parameter("reload", {"type": "boolean"}, "load a cached one again"),),
    ),
)
DOCUMENT = (Line("GET", "openapi.json", "This document", (200,)),)

LINES = (
    *ENTITIES,
    *BATCHES,
    *TEMPORAL,
    *MAPS,
    *DISCOVERY,
    *SUBSCRIPTIONS,
    *SOURCES,
    *SNAPSHOTS,
    *CONTEXTS,
    *DOCUMENT,
)
