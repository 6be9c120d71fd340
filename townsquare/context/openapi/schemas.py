"""The bodies of the doors as JSON Schema, for the OpenAPI document (clause 5.2).

They describe what a client may send and will get; the doors themselves check with their own
types. What a schema forbids a door refuses, and a test holds the two together.
"""

from collections.abc import Mapping
from typing import get_args

from townsquare.model.entity import Json, Kind
from townsquare.model.geometry import TYPES as GEOMETRIES

Schema = Mapping[str, Json]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def many(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def one_or_many(items: Schema) -> Schema:
    return {"anyOf": [items, {"type": "array", "items": items, "minItems": 1}]}


def record(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
URI: Schema = {"type": "string", "format": "uri", "examples": ["urn:ngsi-ld:Bin:1"]}
TIME: Schema = {"type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00Z"]}
NAME: Schema = {"type": "string", "minLength": 1, "examples": ["temperature"]}
COUNT: Schema = {"type": "integer", "minimum": 0}
CONTEXT: Schema = {
    "description": "JSON-LD @context: an address, an object or a list of these",
    "anyOf": [
        {"type": "string", "format": "uri"},
        {"type": "object"},
        {"type": "array", "items": {"type": ["string", "object"]}},
    ],
}
FORMATS = ("normalized", "concise", "simplified", "keyValues")
TRIGGERS = (
    "entityCreated",
    "entityUpdated",
    "entityDeleted",
    "attributeCreated",
    "attributeUpdated",
    "attributeDeleted",
)

ATTRIBUTE: Schema = {
    "description": "An attribute, normalized or concise; its members name its kind",
    "type": "object",
    "properties": {
        "type": {"enum": list(get_args(Kind))},
        "value": {},
        "object": one_or_many(URI),
        "languageMap": {"type": "object"},
        "vocab": one_or_many(TEXT),
        "json": {},
        "valueList": {"type": "array"},
        "objectList": {"type": "array"},
        "observedAt": TIME,
        "expiresAt": TIME,
        "unitCode": TEXT,
        "datasetId": URI,
    },
}
ENTITY: Schema = {
    "type": "object",
    "required": ["id", "type"],
    "properties": {
        "id": URI,
        "type": one_or_many(NAME),
        "scope": one_or_many(TEXT),
        "expiresAt": TIME,
        "location": ref("Attribute"),
        "@context": CONTEXT,
    },
    "additionalProperties": {"anyOf": [ref("Attribute"), {}]},
}
FRAGMENT: Schema = {**ENTITY, "required": []}
SELECTOR = record(("type",), id=one_or_many(URI), idPattern=TEXT, type=TEXT)
GEO_QUERY = record(
    ("geometry", "coordinates", "georel"),
    geometry={"enum": sorted(GEOMETRIES)},
    coordinates={"type": "array"},
    georel=TEXT,
    geoproperty=NAME,
)
TEMPORAL_QUERY = record(
    ("timerel",),
    timerel={"enum": ["before", "after", "between"]},
    timeAt=TIME,
    endTimeAt=TIME,
    timeproperty=NAME,
    lastN=COUNT,
)
QUERY = record(
    ("type",),
    **{
        "type": {"const": "Query"},
        "entities": many(ref("EntitySelector")),
        "attrs": many(NAME),
        "pick": many(NAME),
        "omit": many(NAME),
        "q": TEXT,
        "geoQ": ref("GeoQuery"),
        "temporalQ": ref("TemporalQuery"),
        "scopeQ": TEXT,
        "lang": TEXT,
        "@context": CONTEXT,
    },
)
ENDPOINT = record(
    ("uri",),
    uri=URI,
    accept={"enum": ["application/json", "application/ld+json", "application/geo+json"]},
    receiverInfo=many(record(("key", "value"), key=TEXT, value=TEXT)),
    notifierInfo=many(record(("key", "value"), key=TEXT, value=TEXT)),
)
SUBSCRIPTION = record(
    ("type", "notification"),
    **{
        "id": URI,
        "type": {"const": "Subscription"},
        "subscriptionName": TEXT,
        "description": TEXT,
        "entities": many(ref("EntitySelector")),
        "watchedAttributes": many(NAME),
        "notificationTrigger": many({"enum": list(TRIGGERS)}),
        "timeInterval": {"type": "number", "exclusiveMinimum": 0},
        "q": TEXT,
        "geoQ": ref("GeoQuery"),
        "scopeQ": TEXT,
        "isActive": FLAG,
        "expiresAt": TIME,
        "throttling": {"type": "number", "minimum": 0},
        "notification": record(
            ("endpoint",),
            attributes=many(NAME),
            pick=many(NAME),
            omit=many(NAME),
            format={"enum": list(FORMATS)},
            sysAttrs=FLAG,
            showChanges=FLAG,
            endpoint=ref("Endpoint"),
        ),
        "jsonldContext": {"type": "string", "format": "uri"},
        "@context": CONTEXT,
    },
)
REGISTRATION = record(
    ("type", "information", "endpoint"),
    **{
        "id": URI,
        "type": {"const": "ContextSourceRegistration"},
        "registrationName": TEXT,
        "description": TEXT,
        "information": many(
            record(
                entities=many(ref("EntitySelector")),
                propertyNames=many(NAME),
                relationshipNames=many(NAME),
            )
        ),
        "endpoint": URI,
        "mode": {"enum": ["inclusive", "exclusive", "redirect", "auxiliary"]},
        "operations": many(TEXT),
        "expiresAt": TIME,
        "tenant": TEXT,
        "contextSourceInfo": many(record(("key", "value"), key=TEXT, value=TEXT)),
        "@context": CONTEXT,
    },
)
ENTITY_MAP = record(
    ("id", "type", "expiresAt"),
    id=URI,
    type={"const": "EntityMap"},
    expiresAt=TIME,
    entityMap={"type": "object", "additionalProperties": many(TEXT)},
    linkedMaps={"type": "object", "additionalProperties": TEXT},
)
SNAPSHOT_FRAGMENT = record(
    (),
    type={"const": "Snapshot"},
    snapshotLifetime=TEXT,
    snapshotPriority={"type": "integer", "minimum": 1, "maximum": 10},
    endpoint=URI,
    receiverInfo=many(record(("key", "value"), key=TEXT, value=TEXT)),
)
SNAPSHOT: Schema = {
    **SNAPSHOT_FRAGMENT,
    "properties": {
        **SNAPSHOT_FRAGMENT["properties"],
        "id": URI,
        "snapshotQueries": many(ref("Query")),
        "snapshotTemporalQueries": many(ref("Query")),
    },
}
PROBLEM = record(("type", "title"), type=URI, title=TEXT, detail=TEXT, status={"type": "integer"})
BATCH_RESULT = record(
    ("success", "errors"),
    success=many(URI),
    errors=many(record(("error",), entityId=TEXT, error=ref("ProblemDetails"))),
)
PARTLY_DONE: Schema = {
    "anyOf": [
        ref("BatchOperationResult"),
        record(
            ("updated", "notUpdated"),
            updated=many(NAME),
            notUpdated=many(record(("attributeName", "reason"), attributeName=NAME, reason=TEXT)),
        ),
    ]
}
SCHEMAS: Mapping[str, Schema] = {
    "Attribute": ATTRIBUTE,
    "BatchOperationResult": BATCH_RESULT,
    "Context": record(("@context",), **{"@context": CONTEXT}),
    "Endpoint": ENDPOINT,
    "Entity": ENTITY,
    "EntityMap": ENTITY_MAP,
    "EntityMapFragment": record((), expiresAt=TIME),
    "EntitySelector": SELECTOR,
    "Fragment": FRAGMENT,
    "GeoQuery": GEO_QUERY,
    "Id": URI,
    "PartlyDone": PARTLY_DONE,
    "ProblemDetails": PROBLEM,
    "Query": QUERY,
    "Registration": REGISTRATION,
    "RegistrationFragment": {**REGISTRATION, "required": []},
    "Snapshot": SNAPSHOT,
    "SnapshotFragment": SNAPSHOT_FRAGMENT,
    "Subscription": SUBSCRIPTION,
    "SubscriptionFragment": {**SUBSCRIPTION, "required": []},
    "TemporalQuery": TEMPORAL_QUERY,
}
