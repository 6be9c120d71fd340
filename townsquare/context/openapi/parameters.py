"""Parameters of the doors in the query string, in the groups in which they come (clause 6)."""

from dataclasses import dataclass

from townsquare.context.openapi.schemas import FORMATS
from townsquare.model.entity import Json
from townsquare.model.geometry import TYPES as GEOMETRIES

TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
FROM_0: Json = {"type": "integer", "minimum": 0}
FROM_1: Json = {"type": "integer", "minimum": 1}
MOMENT: Json = {"type": "string", "format": "date-time"}


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    schema: Json
    about: str


Parameters = tuple[Parameter, ...]

PAGE: Parameters = (
    Parameter("limit", FROM_0, "at most so many; 0 with count"),
    Parameter("offset", FROM_0, "leave out so many"),
    Parameter("count", FLAG, "tell how many there are, in NGSILD-Results-Count"),
)
OPTIONS = Parameter("options", TEXT, "comma-separated, as the clause of the operation lists them")
LANGUAGE = Parameter("lang", TEXT, "one language of each LanguageProperty (RFC 4647)")
FORMAT = Parameter("format", {"enum": list(FORMATS)}, "form of the attributes")
FORM: Parameters = (FORMAT, OPTIONS, LANGUAGE)
PROJECTION: Parameters = (
    Parameter("pick", TEXT, "only these members, comma-separated"),
    Parameter("omit", TEXT, "not these members, comma-separated"),
    Parameter("attrs", TEXT, "deprecated: these attributes, and entities that have one"),
    Parameter("datasetId", TEXT, "only these instances"),
)
JOIN: Parameters = (
    Parameter("join", {"enum": ["flat", "inline", "@none"]}, "bring linked entities too"),
    Parameter("joinLevel", FROM_1, "over how many links"),
    Parameter("containedBy", TEXT, "not these entities, comma-separated"),
)
PLACE: Parameters = (Parameter("geometryProperty", TEXT, "geometry of a GeoJSON feature"),)
LOCAL: Parameters = (Parameter("local", FLAG, "this broker alone"),)
TYPE: Parameters = (Parameter("type", TEXT, "types: A,B or (A;B)|C or *"),)
SELECTION: Parameters = (
    *TYPE,
    Parameter("id", TEXT, "ids, comma-separated"),
    Parameter("idPattern", TEXT, "regular expression (RE2) on the id"),
    Parameter("q", TEXT, 'query language of clause 4.9: temperature>20;status=="ok"'),
    Parameter("scopeQ", TEXT, "scopes: /a/+ one level, /a/# the subtree"),
    Parameter("georel", TEXT, "near;maxDistance==100, within, intersects and others"),
    Parameter("geometry", {"enum": sorted(GEOMETRIES)}, "of the reference"),
    Parameter("coordinates", TEXT, "of the reference, as JSON"),
    Parameter("geoproperty", TEXT, "which property is compared; location if not given"),
)
MAP: Parameters = (
    Parameter("entityMap", FLAG, "keep what was found, so that all pages are of the same"),
    Parameter("entityMapLifetime", TEXT, "for how long, ISO 8601, at most a day"),
)
SPLIT: Parameters = (
    Parameter("splitEntities", FLAG, "one entity may lie in parts with several brokers"),
)
CSF: Parameters = (Parameter("csf", TEXT, "query on the context sources to be asked"),)
ORDER: Parameters = (Parameter("orderBy", TEXT, "like temperature;desc,id"),)
TIME: Parameters = (
    Parameter("timerel", {"enum": ["before", "after", "between"]}, "to timeAt"),
    Parameter("timeAt", MOMENT, "a moment, UTC"),
    Parameter("endTimeAt", MOMENT, "the end of between"),
    Parameter(
        "timeproperty",
        {"enum": ["observedAt", "createdAt", "modifiedAt", "deletedAt"]},
        "which time of an instance counts",
    ),
    Parameter("lastN", FROM_1, "the newest instances of each attribute"),
)
PERIODS: Parameters = (
    Parameter("aggrMethods", TEXT, "avg,max and others, with format=aggregatedValues"),
    Parameter("aggrPeriodDuration", TEXT, "ISO 8601, like PT1H"),
)
EVOLUTION: Parameters = (
    Parameter("format", {"enum": ["temporalValues", "aggregatedValues"]}, "form of the past"),
    OPTIONS,
    LANGUAGE,
)
INSTANCES: Parameters = (
    Parameter("datasetId", TEXT, "the instance with this datasetId"),
    Parameter("deleteAll", FLAG, "every instance"),
)
DETAILS: Parameters = (Parameter("details", FLAG, "with what is known of each"),)
