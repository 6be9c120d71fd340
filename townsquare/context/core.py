"""The core @context of NGSI-LD as a table of terms and IRIs (ETSI GS CIM 009 V1.9.1, annex B).

Known without a network. One table stands for all published versions: each later one has the
terms of the earlier ones, but for a few that were given up or first named otherwise. A test
holds it against the documents themselves.
"""

from collections.abc import Mapping

NGSI_LD = "https://uri.etsi.org/ngsi-ld/"
DEFAULT = NGSI_LD + "default-context/"  # of every term that no context knows
GEOJSON = "https://purl.org/geojson/vocab#"
_DCTERMS = "http://purl.org/dc/terms/"

VERSIONS = ("1.3", "1.4", "1.5", "1.6", "1.7", "1.8", "1.9")
CORE = f"{NGSI_LD}v1/ngsi-ld-core-context-v{VERSIONS[-1]}.jsonld"
_WITHOUT_SCHEME = "://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context"
CORE_URLS = frozenset(
    f"{scheme}{_WITHOUT_SCHEME}{version}.jsonld"
    for scheme in ("https", "http")
    for version in ("", *(f"-v{v}" for v in VERSIONS))
)

# Terms whose IRI is ngsi-ld: and their own name.
_PLAIN = """
    Attribute AttributeList ContextSourceIdentity ContextSourceNotification
    ContextSourceRegistration Date DateTime EntityMap EntityType EntityTypeInfo EntityTypeList
    ExecutionResultDetails GeoProperty JsonProperty LanguageProperty ListProperty
    ListRelationship Notification Property Relationship Snapshot SnapshotNotification
    Subscription TemporalProperty Time VocabProperty accept aggrMethods aggrParams
    aggrPeriodDuration attributeCount attributeDetails attributeList attributeName
    attributeNames attributeTypes attributes attrs avg cacheDuration collation
    contextSourceAlias contextSourceExtras contextSourceInfo contextSourceTimeAt
    contextSourceUptime cooldown createdAt csf data datasetId deletedAt detail distinctCount
    endAt endTimeAt endpoint entities entity entityCount entityId entityList error errors
    expandValues expiresAt format geoQ geoproperty georel idPattern information instanceId
    isActive join jsonKeys jsonldContext jsons lang lastFailure lastN lastNotification
    lastSuccess lastUsedAt linkedMaps localOnly location management managementInterval max min
    mode modifiedAt ngsildConformance ngsildproof notUpdated notification notificationTrigger
    notifiedAt notifierInfo observationInterval observationSpace observedAt omit operationSpace
    operations orderBy ordering pick problemDetails propertyNames q reason receiverInfo
    refreshRate registrationId registrationName relationshipNames resultStatus scope scopeQ
    showChanges snapshotId snapshotLifetime snapshotPriority snapshotQueries
    snapshotQueriesDetails snapshotStatus snapshotTemporalQueries
    snapshotTemporalQueriesDetails startAt status stddev subscriptionId subscriptionName success
    sum sumsq sysAttrs temporalQ tenant throttling timeAt timeInterval timeout timeproperty
    timerel timesFailed timesSent totalCount triggerReason typeList typeName typeNames unchanged
    unitCode updated uri watchedAttributes
"""
# Terms that have `has` and a capital there: `value` is ngsi-ld:hasValue.
_HAS = """
    dataset entityMap entityMapLifetime joinLevel key languageMap languageMaps object objectList
    objectLists objects objectType previousJson previousLanguageMap previousObject
    previousObjectList previousValue previousValueList previousVocab splitEntities value
    valueList valueLists values valueType vocab vocabs
"""
_GEO = """
    Feature FeatureCollection GeometryCollection LineString MultiLineString MultiPoint
    MultiPolygon Point Polygon bbox coordinates features geometry properties
"""

PREFIXES: Mapping[str, str] = {"ngsi-ld": NGSI_LD, "geojson": GEOJSON}

CORE_IRIS: Mapping[str, str] = {
    **PREFIXES,
    "id": "@id",
    "type": "@type",
    **{term: NGSI_LD + term for term in _PLAIN.split()},
    **{term: f"{NGSI_LD}has{term[0].upper()}{term[1:]}" for term in _HAS.split()},
    **{term: GEOJSON + term for term in _GEO.split()},
    "containedBy": NGSI_LD + "isContainedBy",
    "description": _DCTERMS + "description",
    "json": NGSI_LD + "hasJSON",
    "langString": "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString",
    "title": _DCTERMS + "title",
}
CORE_NAMES: Mapping[str, str] = {iri: term for term, iri in CORE_IRIS.items()}
